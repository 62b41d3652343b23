import { STATUS_NAMES } from "../contract/status_codes.ts";
import type { Failure } from "../server/faults.ts";

const MAX_WORKERS = 256;

/** What {@linkcode parseWorkerCount} accepts, in words for help and errors. */
export const WORKER_COUNT = `a number from 1 to ${MAX_WORKERS}, or auto`;

/** Reads a number of workers; `auto` is one for each available core. Undefined if it is neither. */
export function parseWorkerCount(text: string): number | undefined {
  if (text === "auto") return Math.min(navigator.hardwareConcurrency, MAX_WORKERS);
  const count = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  return count >= 1 && count <= MAX_WORKERS ? count : undefined;
}

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
