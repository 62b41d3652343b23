/** What is said of a batch as a whole: its summary in three forms, and which limits it exceeds. */
import { formatCount, formatDuration } from "../text/amounts.ts";
import { excerpt, jsonString } from "../text/escape.ts";
import { lateness, type PaceReport } from "./pace.ts";
import type { Latencies, Tally } from "./tally.ts";

/** `1000 calls in 4.0 s, 3 failed; latency p50 3.21 ms, p95 5.00 ms, p99 8.10 ms`, for a terminal. */
export function lineSummary(tally: Tally): string {
  const { failed, latencies } = tally;
  const latency = latencies.count === 0 ? "" : `; latency ${percentiles(latencies)}`;
  return `${callsIn(tally)}, ${failed} failed${latency}`;
}

/**
 * Writes what a batch was like in lines for people.
 *
 * @param pace how the calls were begun, where a rate was asked for
 */
export function textSummary(tally: Tally, pace: PaceReport | undefined): string {
  const { codes, latencies, hostnames, otherHostnames } = tally;
  const begun = pace?.begun === undefined
    ? ""
    : `, ${formatRate(pace.begun)} begun per second of ${pace.asked}`;
  const others: [string, number][] = otherHostnames > 0 ? [["others", otherHostnames]] : [];
  return [
    `usersvc call: ${callsIn(tally)}${begun}`,
    ...(pace && pace.late > 0 ? [`  late      ${lateness(pace)}`] : []),
    ...rows("status", [...codes]),
    ...(latencies.count > 0
      ? [`  latency   ${percentiles(latencies)}, max ${formatMs(latencies.max)}`]
      : []),
    ...rows("hostname", [...sorted(hostnames), ...others]),
  ].map((line) => `${line}\n`).join("");
}

/** What a batch was like, as a JSON object. */
interface JsonSummary {
  readonly calls: number;
  /** From the start of the batch to the end of its last call. */
  readonly seconds: number;
  /** How many calls have ended with each status code, by its name. */
  readonly codes: Readonly<Record<string, number>>;
  /** Of the calls that were answered with OK; null if there was none. */
  readonly latencyMs: JsonLatency | null;
  /** How many answers each server has sent that says who it is. */
  readonly hostnames: Readonly<Record<string, number>>;
  /** How many answers came from further servers; absent where none did. */
  readonly otherHostnames?: number;
  /** How the calls were begun; absent where no rate was asked for. */
  readonly rate?: JsonRate;
}

/** The latencies in a {@linkcode JsonSummary}, in milliseconds. */
interface JsonLatency {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** A rate in a {@linkcode JsonSummary}, in calls per second. */
interface JsonRate {
  readonly asked: number;
  /** Null for fewer than two calls. */
  readonly begun: number | null;
  /** How many calls were begun late. */
  readonly late: number;
}

/**
 * Writes what a batch was like as one line, a {@linkcode JsonSummary}.
 *
 * @param pace how the calls were begun, where a rate was asked for
 */
export function jsonSummary(
  { calls, codes, latencies, hostnames, otherHostnames, elapsedMs }: Tally,
  pace: PaceReport | undefined,
): string {
  const summary: JsonSummary = {
    calls,
    seconds: Math.round(elapsedMs) / 1_000,
    codes: Object.fromEntries(codes),
    latencyMs: latencies.count === 0 ? null : jsonLatency(latencies),
    hostnames: Object.fromEntries(sorted(hostnames)),
    ...(otherHostnames > 0 && { otherHostnames }),
    ...(pace && { rate: jsonRate(pace) }),
  };
  return `${jsonString(summary)}\n`;
}

function jsonLatency({ percentile, max }: Latencies): JsonLatency {
  return { p50: percentile(50), p95: percentile(95), p99: percentile(99), max };
}

function jsonRate({ asked, begun, late }: PaceReport): JsonRate {
  return { asked, begun: begun === undefined ? null : Number(formatRate(begun)), late };
}

/** What a batch may cost before it counts as failed. */
export interface Limits {
  /** The longest latency that 99 % of the answered calls may have, in milliseconds. */
  readonly p99Ms: number | undefined;
  /** How many of the calls may fail, in percent. */
  readonly failedPercent: number | undefined;
}

/**
 * Compares a batch with its limits. What was not measured is not within them.
 *
 * @returns what is wrong in words, what was measured and what is allowed; undefined if nothing is
 */
export function excess(tally: Tally, { p99Ms, failedPercent }: Limits): string | undefined {
  const faults = [
    p99Ms === undefined ? undefined : p99Fault(tally, p99Ms),
    failedPercent === undefined ? undefined : failedFault(tally, failedPercent),
  ].filter((fault) => fault !== undefined);
  return faults.length === 0 ? undefined : faults.join("; ");
}

function p99Fault({ latencies }: Tally, limitMs: number): string | undefined {
  const limit = formatDuration(limitMs);
  if (latencies.count === 0) {
    return `no call was answered, so there is no p99; its limit is ${limit}`;
  }
  const p99 = latencies.percentile(99);
  return p99 <= limitMs ? undefined : `p99 is ${formatMs(p99)}, its limit is ${limit}`;
}

function failedFault({ calls, failed }: Tally, limit: number): string | undefined {
  if (calls === 0) return `no call was made; ${limit} % may fail`;
  const percent = 100 * failed / calls;
  if (percent <= limit) return undefined;
  const measured = Number(percent.toPrecision(4));
  return `${failed} of ${formatCount(calls, "call")} failed, ${measured} %; ${limit} % are allowed`;
}

/** `1000 calls in 4.0 s`. */
function callsIn({ calls, elapsedMs }: Tally): string {
  return `${formatCount(calls, "call")} in ${(elapsedMs / 1_000).toFixed(1)} s`;
}

/** `p50 3.21 ms, p95 5.00 ms, p99 8.10 ms`. */
function percentiles({ percentile }: Latencies): string {
  return [50, 95, 99].map((percent) => `p${percent} ${formatMs(percentile(percent))}`).join(", ");
}

/** Writes a time with three digits: `3.21 ms`, `1.04 s`. */
function formatMs(ms: number): string {
  if (ms >= 999.5) return `${(ms / 1_000).toFixed(2)} s`;
  return `${ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0)} ms`;
}

/** `99.9`, or with three digits what is less than 10. */
function formatRate(perSecond: number): string {
  return perSecond < 10 ? perSecond.toPrecision(3) : perSecond.toFixed(1);
}

/** Counts with their shares, one a line, the first behind what they count. */
function rows(what: string, counts: readonly (readonly [string, number])[]): string[] {
  const names = counts.map(([name]) => excerpt(name));
  const width = Math.max(...names.map(({ length }) => length));
  const digits = Math.max(...counts.map(([, count]) => `${count}`.length));
  const sum = counts.reduce((all, [, count]) => all + count, 0);
  return counts.map(([, count], at) => {
    const share = (100 * count / sum).toFixed(1).padStart(5);
    const head = (at === 0 ? what : "").padEnd(8);
    return `  ${head}  ${names[at]!.padEnd(width)}  ${`${count}`.padStart(digits)}  ${share} %`;
  });
}

function sorted(counts: ReadonlyMap<string, number>): [string, number][] {
  return [...counts].sort(([a], [b]) => a < b ? -1 : 1);
}
