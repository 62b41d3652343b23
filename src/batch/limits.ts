import { formatCount, formatDuration } from "../text/amounts.ts";
import { formatMs } from "./latencies.ts";
import type { Measurement } from "./measurement.ts";

/** What a batch may cost before it counts as failed. */
export interface Limits {
  /** The longest latency that 99 % of the answered calls may have, in milliseconds. */
  readonly p99Ms?: number;
  /** How many of the calls may fail, in percent. */
  readonly failedPercent?: number;
}

/**
 * Compares a batch with its limits. What was not measured is not within them.
 *
 * @returns what is wrong in words, what was measured and what is allowed; undefined if nothing is
 */
export function excess(measured: Measurement, limits: Limits): string | undefined {
  const faults = [p99Fault(measured, limits), failedFault(measured, limits)]
    .filter((fault) => fault !== undefined);
  return faults.length === 0 ? undefined : faults.join("; ");
}

function p99Fault({ latencies }: Measurement, { p99Ms }: Limits): string | undefined {
  if (p99Ms === undefined) return undefined;
  if (latencies.count === 0) {
    return `no call was answered, so there is no p99; its limit is ${formatDuration(p99Ms)}`;
  }
  const p99 = latencies.percentile(99);
  if (p99 <= p99Ms) return undefined;
  return `p99 is ${formatMs(p99)}, its limit is ${formatDuration(p99Ms)}`;
}

function failedFault(
  { calls, failed }: Measurement,
  { failedPercent }: Limits,
): string | undefined {
  if (failedPercent === undefined) return undefined;
  if (calls === 0) return `no call was made; ${failedPercent} % may fail`;
  const percent = 100 * failed / calls;
  if (percent <= failedPercent) return undefined;
  const measured = Number(percent.toPrecision(4));
  const share = `${failed} of ${formatCount(calls, "call")} failed, ${measured} %`;
  return `${share}; ${failedPercent} % are allowed`;
}
