import type { ValueKind } from "../cli/values.ts";
import { STATUS_NAMES } from "../contract/status_codes.ts";
import { type Delay, parseDelay } from "../server/faults/delay.ts";
import type { Failure } from "../server/faults/faults.ts";
import { DURATION } from "./value_ranges.ts";

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
