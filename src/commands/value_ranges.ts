import { decimal, duration, size, type ValueKind, wholeNumber } from "../cli/values.ts";

/** The longest duration that a flag takes. */
export const LONGEST = "24h";

/** A deadline or another duration, in milliseconds. */
export const DURATION = duration("1ms", LONGEST);

/** A duration that may be none at all, in milliseconds. */
export const DURATION_OR_NONE = duration("0", LONGEST);

/**
 * How long nothing may arrive on a connection before it is pinged, in milliseconds. grpc-js has no least
 * time; servers of gRPC close connections that ping more often than every five minutes, unless they are
 * told to allow it.
 */
export const KEEPALIVE = duration("1s", LONGEST);

/** How many calls may be in flight at once. */
export const CONCURRENCY = wholeNumber(1, 1_000);

/** How many calls a server keeps. */
export const RECORD = wholeNumber(1, 10_000);

const MAX_NAMES = 20;

/** Names of metadata, in lower case. */
export const METADATA_NAMES: ValueKind<readonly string[]> = {
  expects:
    `up to ${MAX_NAMES} names of metadata with commas between them, such as authorization,traceparent`,
  parse: (text) => {
    const names = [...new Set(text.split(",").map((name) => name.trim().toLowerCase()))];
    const isValid = names.every((name) => /^[0-9a-z_.-]{1,64}$/.test(name));
    return isValid && names.length <= MAX_NAMES ? names : undefined;
  },
};

/** How often each name is called. */
export const REPEATS = wholeNumber(1, 100_000_000);

/** How many calls begin per second; one process makes some 9,000 at most on one core. */
export const RATE = decimal(0.001, 10_000);

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
