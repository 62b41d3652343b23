import { STATUS_NAMES } from "../contract/status_codes.ts";

/** A failure on purpose, for those who test clients. */
export interface Failure {
  /** The name of the status code to answer with: `UNAVAILABLE`. */
  readonly code: FailureCode;
  /** The share of the calls that fail, above 0 and up to 1. */
  readonly rate: number;
}

/** How a server misbehaves on purpose. */
export interface Faults {
  /** How long each call waits before its answer, in milliseconds; absent: not at all. */
  readonly delayMs?: number;
  /** Which calls fail; absent: none. */
  readonly fail?: Failure;
}

/** The names of all status codes but OK. */
export const FAILURE_CODES = STATUS_NAMES.slice(1) as Exclude<typeof STATUS_NAMES[number], "OK">[];

/** One of {@linkcode FAILURE_CODES}. */
export type FailureCode = typeof FAILURE_CODES[number];

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
  return code !== undefined && rate > 0 && rate <= 1 ? { code, rate } : undefined;
}
