import { duration, size, type ValueKind, wholeNumber } from "../cli/values.ts";
import { STATUS_NAMES } from "../contract/status_codes.ts";
import { type Delay, parseDelay } from "../server/delay.ts";
import type { Failure } from "../server/faults.ts";

/** A deadline or another duration, in milliseconds. */
export const DURATION = duration("1ms", "24h");

/**
 * How long a connection may be silent before it is pinged, in milliseconds. grpc-js has no least time;
 * servers of gRPC close connections that ping more often than every five minutes, unless they are told
 * to allow it.
 */
export const KEEPALIVE = duration("1s", "24h");

/** How many calls may be in flight at once. */
export const CONCURRENCY = wholeNumber(1, 1_000);

/** How often each name is called. */
export const REPEATS = wholeNumber(1, 100_000_000);

/** How many calls begin per second; one process makes some 9,000 at most on one core. */
export const RATE = wholeNumber(1, 10_000);

/** A share of the calls, in percent. */
export const PERCENT: ValueKind<number> = {
  expects: "a percentage from 0 to 100, such as 1% or 0.5%",
  parse: (text) => {
    const match = /^(\d{1,3}(?:\.\d+)?)%?$/.exec(text);
    return match && Number(match[1]) <= 100 ? Number(match[1]) : undefined;
  },
};

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

/** What {@linkcode parseFailures} accepts, in words for help and errors. */
export const FAILURES =
  "CODE or CODE:RATE, such as UNAVAILABLE, or several whose rates are at most 1 together, such as " +
  "UNAVAILABLE:0.1,INTERNAL:0.05";

/**
 * Reads names of status codes other than OK, each with the share of the calls that fail with it: all
 * if it is not given.
 *
 * @returns undefined if the text is something else
 */
export function parseFailures(text: string): readonly Failure[] | undefined {
  const failures = text.split(",").map(parseFailure);
  const known = failures.filter((failure) => failure !== undefined);
  // Ten shares of 0.1 are a little more than 1 in binary.
  const fit = known.reduce((sum, { rate }) => sum + rate, 0) <= 1 + 1e-9;
  return fit && known.length === failures.length ? known : undefined;
}

function parseFailure(text: string): Failure | undefined {
  const match = /^([A-Z_]+)(?::(\d*\.?\d+))?$/.exec(text);
  const code = FAILURE_CODES.find((name) => name === match?.[1]);
  const rate = Number(match?.[2] ?? 1);
  if (code === undefined || rate <= 0 || rate > 1) return undefined;
  return { code, rate, reason: "failed on purpose (--fail)" };
}

const MAX_DELAY_MS = 24 * 60 * 60_000;

/** How late an answer is to come. */
export const DELAY: ValueKind<Delay> = {
  expects: `${DURATION.expects}, or a range of two, such as 50ms-200ms`,
  parse: (text) => parseDelay(text, MAX_DELAY_MS),
};

/** The name of a server: a value of metadata that can stand in a list. */
export const INSTANCE: ValueKind<string> = {
  expects: "a name of at most 253 ASCII characters without spaces and commas",
  parse: (text) => /^[!-+\--~]{1,253}$/.test(text) ? text : undefined,
};
