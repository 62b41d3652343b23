import type { Histogram } from "hdr-histogram-js";
import type { AnswerContext } from "../client/answer_context.ts";
import { cut } from "../text/escape.ts";
import type { CallResult } from "./result.ts";

/** What is counted of the calls of a batch. */
export interface Tally {
  /** How many calls have ended. */
  readonly calls: number;
  /** How many of them have failed. */
  readonly failed: number;
  /** How many have ended with each status code. */
  readonly codes: ReadonlyMap<string, number>;
  /** Of the calls that were answered with OK. */
  readonly latencies: Latencies;
  /** How many answers each server has sent that gives its hostname, for the first of them. */
  readonly hostnames: ReadonlyMap<string, number>;
  /** How many answers came from further hostnames. */
  readonly otherHostnames: number;
  /** When the batch started, by `performance.now()`. */
  readonly startMs: number;
  /** From the start to the last count, in milliseconds. */
  readonly elapsedMs: number;
  /** Counts calls that have ended. */
  count(results: readonly CallResult[]): void;
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

/** Starts to count. */
export function startTally(): Tally {
  const codes = new Map<string, number>(), hostnames = new Map<string, number>();
  const latencies = recordLatencies();
  const startMs = performance.now();
  const tally = { calls: 0, failed: 0, otherHostnames: 0, elapsedMs: 0 };

  function countHostname(context: AnswerContext | undefined): void {
    const hostname = hostnameOf(context);
    if (hostname === undefined) return;
    if (hostnames.has(hostname) || hostnames.size < MAX_HOSTNAMES) increment(hostnames, hostname);
    else tally.otherHostnames++;
  }

  function countOne(result: CallResult): void {
    tally.calls++;
    if ("failure" in result) {
      tally.failed++;
      increment(codes, result.failure.name);
    } else {
      increment(codes, "OK");
      latencies.record(result.latencyMs);
    }
    countHostname(result.context);
  }

  return Object.assign(tally, {
    codes,
    hostnames,
    latencies,
    startMs,
    count(results: readonly CallResult[]) {
      results.forEach(countOne);
      tally.elapsedMs = performance.now() - startMs;
    },
  });
}

function hostnameOf(context: AnswerContext | undefined): string | undefined {
  // An answer without a message may have all of its metadata in the trailers.
  const [hostname] = context?.metadata[HOSTNAME] ?? context?.trailers[HOSTNAME] ?? [];
  return hostname === undefined ? undefined : cut(hostname, MAX_HOSTNAME);
}

function increment(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** The latencies of calls. */
export interface Latencies {
  /**
   * Loads the library that keeps any number of them in bounded memory, and that a short batch should not
   * wait for. Until then each is kept as it is, and there are no percentiles.
   */
  load(): Promise<void>;
  /** Takes the latency of a call, in milliseconds. */
  record(ms: number): void;
  /** How many there are. */
  readonly count: number;
  /** The latency that so many percent of the calls do not exceed, in milliseconds, within 0.1 %. */
  percentile(percent: number): number;
  /** The longest, in milliseconds. */
  readonly max: number;
}

function recordLatencies(): Latencies {
  let histogram: Histogram | undefined;
  let earlyUs: number[] = [];
  let count = 0, maxUs = 0;
  return {
    async load() {
      const { openHistogram } = await import("./histogram.ts");
      histogram ??= openHistogram();
      for (const us of earlyUs) histogram.recordValue(us);
      earlyUs = [];
    },
    record(ms) {
      const us = Math.max(1, Math.round(ms * 1_000));
      count++;
      maxUs = Math.max(maxUs, us);
      if (histogram) histogram.recordValue(us);
      else earlyUs.push(us);
    },
    get count() {
      return count;
    },
    // A histogram gives the end of a range of values, which may lie behind the longest of all.
    percentile: (percent) => Math.min(histogram!.getValueAtPercentile(percent), maxUs) / 1_000,
    get max() {
      return maxUs / 1_000;
    },
  };
}
