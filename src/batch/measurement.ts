import { cut } from "../text/escape.ts";
import type { AnswerContext } from "../client/answer_context.ts";
import { type Latencies, recordLatencies } from "./latencies.ts";
import { describeResultError } from "./results.ts";
import type { CallResult } from "./scheduler.ts";

/** What is counted of the calls of a batch. */
export interface Measurement {
  /** How many calls have ended. */
  calls: number;
  /** How many of them have failed. */
  failed: number;
  /** How many have ended with each status code. */
  readonly codes: Map<string, number>;
  /** Of the calls that were answered with OK. */
  readonly latencies: Latencies;
  /** How many answers each server has sent that gives its hostname, for the first of them. */
  readonly hostnames: Map<string, number>;
  /** How many answers came from further hostnames. */
  otherHostnames: number;
  /** From the start to the last count, in milliseconds. */
  elapsedMs: number;
}

/** How many hostnames are told apart: they come from servers, which could make up any number. */
const MAX_HOSTNAMES = 100;

/** A longer hostname is cut; a DNS name has 253 characters at most. */
const MAX_HOSTNAME = 253;

/**
 * The metadata in which servers say who has answered.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/xds-test-descriptions.md
 */
const HOSTNAME = "hostname";

/**
 * Starts to count.
 *
 * @param timeoutMs the deadline that the calls have, in milliseconds
 * @returns the counts, and what adds calls that have ended to them
 */
export function startMeasurement(
  timeoutMs: number,
): { measured: Measurement; count(results: readonly CallResult[]): void } {
  const startMs = performance.now();
  const measured: Measurement = {
    calls: 0,
    failed: 0,
    codes: new Map(),
    latencies: recordLatencies(3),
    hostnames: new Map(),
    otherHostnames: 0,
    elapsedMs: 0,
  };

  function countOne(result: CallResult): void {
    measured.calls++;
    if ("error" in result) {
      measured.failed++;
      increment(measured.codes, describeResultError(result.error, timeoutMs).name);
    } else {
      increment(measured.codes, "OK");
      measured.latencies.record(result.latencyMs);
    }
    if (result.context) countHostname(measured, result.context);
  }

  return {
    measured,
    count(results) {
      results.forEach(countOne);
      measured.elapsedMs = performance.now() - startMs;
    },
  };
}

function countHostname(measured: Measurement, { metadata, trailers }: AnswerContext): void {
  // An answer without a message may have all of its metadata in the trailers.
  const [sent] = metadata[HOSTNAME] ?? trailers[HOSTNAME] ?? [];
  if (sent === undefined) return;
  const { hostnames } = measured;
  const hostname = cut(sent, MAX_HOSTNAME);
  if (hostnames.has(hostname) || hostnames.size < MAX_HOSTNAMES) increment(hostnames, hostname);
  else measured.otherHostnames++;
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
