import { duration, size, type ValueKind, wholeNumber } from "../cli/values.ts";
import { STATUS_NAMES } from "../contract/status_codes.ts";
import type { Failure } from "../server/faults.ts";

/** A deadline or another duration, in milliseconds. */
export const DURATION = duration("1ms", "24h");

/** How many calls may be in flight at once. */
export const CONCURRENCY = wholeNumber(1, 1_000);

/** How many times a call may be retried. */
export const RETRIES = wholeNumber(0, 10);

/**
 * How much memory a worker may use, in bytes. With less than the minimum, a worker would be recycled
 * before it has answered a call.
 */
export const WORKER_MEMORY = size("150MB", "64GB");

const MAX_WORKERS = 256;
const WORKER_COUNT = wholeNumber(1, MAX_WORKERS);

/** How many workers there are; `auto` is one for each available core. */
export const WORKERS: ValueKind<number> = {
  expects: `${WORKER_COUNT.expects}, or auto`,
  parse: (text) =>
    text === "auto"
      ? Math.min(navigator.hardwareConcurrency, MAX_WORKERS)
      : WORKER_COUNT.parse(text),
};

/** The names of all status codes but OK. */
export const FAILURE_CODES = STATUS_NAMES.slice(1) as Failure["code"][];

/** What {@linkcode parseFailure} accepts, in words for help and errors. */
export const FAILURE = "CODE or CODE:RATE, such as UNAVAILABLE or UNAVAILABLE:0.1";

/**
 * Reads the name of a status code other than OK, and the share of the calls that fail with it: all
 * if it is not given.
 *
 * @returns undefined if the text is something else
 */
export function parseFailure(text: string): Failure | undefined {
  const match = /^([A-Z_]+)(?::(\d*\.?\d+))?$/.exec(text);
  const code = FAILURE_CODES.find((name) => name === match?.[1]);
  const rate = Number(match?.[2] ?? 1);
  if (code === undefined || rate <= 0 || rate > 1) return undefined;
  return { code, rate, reason: "failed on purpose (--fail)" };
}
