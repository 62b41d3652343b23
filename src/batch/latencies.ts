import { build } from "hdr-histogram-js";

/** The latencies of calls, in bounded memory for any number of them. */
export interface Latencies {
  /** Takes the latency of a call, in milliseconds. */
  record(ms: number): void;
  /** How many there are. */
  readonly count: number;
  /** The latency that so many percent of the calls do not exceed, in milliseconds. */
  percentile(percent: number): number;
  /** The longest, in milliseconds. */
  readonly max: number;
}

/** @param digits how many digits of a percentile are right: 2 take 32 KB, 3 take 250 KB at most */
export function recordLatencies(digits: 2 | 3): Latencies {
  const us = build({ numberOfSignificantValueDigits: digits });
  let maxUs = 0;
  return {
    record(ms) {
      const latencyUs = Math.max(1, Math.round(ms * 1_000));
      us.recordValue(latencyUs);
      maxUs = Math.max(maxUs, latencyUs);
    },
    get count() {
      return us.totalCount;
    },
    // A histogram gives the end of a range of values, which may lie behind the longest of all.
    percentile: (percent) => Math.min(us.getValueAtPercentile(percent), maxUs) / 1_000,
    get max() {
      return maxUs / 1_000;
    },
  };
}

/** Writes a time for people, with three digits: `3.21 ms`, `1.04 s`. */
export function formatMs(ms: number): string {
  if (ms >= 999.5) return `${(ms / 1_000).toFixed(2)} s`;
  return `${ms.toFixed(ms < 10 ? 2 : ms < 100 ? 1 : 0)} ms`;
}
