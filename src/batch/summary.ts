import { formatCount } from "../text/amounts.ts";
import { excerpt, jsonString } from "../text/escape.ts";
import { formatMs } from "./latencies.ts";
import type { Measurement } from "./measurement.ts";
import { lateness, type PaceReport } from "./pace.ts";

/** The forms of a summary. */
export type SummaryForm = "text" | "json";

/** The percentiles that are told. */
const PERCENTILES = [50, 95, 99] as const;

/**
 * Writes what a batch was like, in lines for people or as one line of JSON.
 *
 * @param pace how the calls were begun, where a rate was asked for
 */
export function summaryOf(
  form: SummaryForm,
  measured: Measurement,
  pace: PaceReport | undefined,
): string {
  return form === "json" ? jsonSummary(measured, pace) : textSummary(measured, pace);
}

function jsonSummary(
  { calls, codes, latencies, hostnames, otherHostnames, elapsedMs }: Measurement,
  pace: PaceReport | undefined,
): string {
  const latencyMs = latencies.count === 0 ? null : {
    ...Object.fromEntries(PERCENTILES.map((p) => [`p${p}`, latencies.percentile(p)])),
    max: latencies.max,
  };
  return jsonString({
    calls,
    seconds: Math.round(elapsedMs) / 1_000,
    codes: Object.fromEntries(codes),
    latencyMs,
    hostnames: Object.fromEntries(sorted(hostnames)),
    ...(otherHostnames > 0 && { otherHostnames }),
    ...(pace && { rate: jsonRate(pace) }),
  }) + "\n";
}

function jsonRate({ asked, begun, late }: PaceReport): Record<string, unknown> {
  return { asked, begun: begun === undefined ? null : Number(formatRate(begun)), late };
}

function textSummary(measured: Measurement, pace: PaceReport | undefined): string {
  const { calls, codes, hostnames, otherHostnames, elapsedMs } = measured;
  const begun = pace?.begun === undefined
    ? ""
    : `, ${formatRate(pace.begun)} begun per second of ${pace.asked}`;
  const others: [string, number][] = otherHostnames > 0 ? [["others", otherHostnames]] : [];
  return [
    `usersvc call: ${formatCount(calls, "call")} in ${(elapsedMs / 1_000).toFixed(1)} s${begun}`,
    ...(pace && pace.late > 0 ? [`  late      ${lateness(pace)}`] : []),
    ...rows("status", [...codes]),
    ...latencyLines(measured),
    ...rows("hostname", [...sorted(hostnames), ...others]),
  ].map((line) => `${line}\n`).join("");
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

function latencyLines({ latencies }: Measurement): string[] {
  if (latencies.count === 0) return [];
  const texts = PERCENTILES.map((p) => `p${p} ${formatMs(latencies.percentile(p))}`);
  return [`  latency   ${texts.join(", ")}, max ${formatMs(latencies.max)}`];
}

function sorted(counts: ReadonlyMap<string, number>): [string, number][] {
  return [...counts].sort(([a], [b]) => a < b ? -1 : 1);
}
