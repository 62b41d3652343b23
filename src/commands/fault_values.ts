import { cut } from "../text/escape.ts";
import { type ValueKind, wholeNumber } from "../cli/values.ts";
import { STATUS_NAMES } from "../contract/status_codes.ts";
import type { Failure } from "../server/faults/faults.ts";
import { type Delay, parseDelay } from "../server/faults/plan.ts";
import { milliseconds } from "../text/amounts.ts";
import { DURATION_OR_NONE, LONGEST } from "./value_ranges.ts";

/** The names of all status codes but OK. */
export const FAILURE_CODES = STATUS_NAMES.slice(1) as Failure["code"][];

/**
 * Names of status codes other than OK, each with the share of the calls that fail with it: all if it is
 * not given.
 */
export const FAILURES: ValueKind<readonly Failure[]> = {
  expects: "a status code, or several with their shares, such as UNAVAILABLE:0.1,INTERNAL:5%",
  parse: (text) => {
    const read = readFailures(text);
    return typeof read === "string" ? undefined : read;
  },
  fault: (text) => {
    const read = readFailures(text);
    return typeof read === "string" ? read : undefined;
  },
};

/** The failures, or what is wrong with them in words. */
function readFailures(text: string): readonly Failure[] | string {
  const failures: Failure[] = [];
  for (const part of text.split(",")) {
    const read = readFailure(part.trim());
    if (typeof read === "string") return read;
    failures.push(read);
  }
  const sum = failures.reduce((sum, { rate }) => sum + rate, 0);
  // Ten shares of 0.1 are a little more than 1 in binary.
  if (sum <= 1 + 1e-9) return failures;
  return failures.length > 1 && failures.every(({ rate }) => rate === 1)
    ? "several status codes need their shares, such as UNAVAILABLE:0.1,INTERNAL:5%"
    : `the shares are ${Number(sum.toPrecision(6))} together, which is more than 1`;
}

function readFailure(part: string): Failure | string {
  const [name = "", ...shares] = part.split(":");
  const code = FAILURE_CODES.find((code) => code === name.toUpperCase());
  if (code === undefined) {
    const fault = name.toUpperCase() === "OK" ? "is no failure" : "is no status code";
    return `"${cut(name, 60)}" ${fault}; the codes are ${FAILURE_CODES.join(", ")}`;
  }
  const rate = shares.length === 0 ? 1 : shareOf(shares.join(":"));
  if (rate === undefined) {
    return `the share in "${cut(part, 60)}" is not a number from 0 to 1, or from 0% to 100%`;
  }
  return { code, rate, reason: "failed on purpose (--fail)" };
}

/** A share from 0 to 1, or in percent. */
function shareOf(text: string): number | undefined {
  const [, number, sign] = /^(\d*\.?\d+)(%?)$/.exec(text) ?? [];
  const share = Number(number) / (sign === "%" ? 100 : 1);
  return share <= 1 ? share : undefined;
}

/** How late an answer is to come. */
export const DELAY: ValueKind<Delay> = {
  expects: `${DURATION_OR_NONE.expects}, or a range of two, such as 50ms-200ms`,
  parse: (text) => parseDelay(text, milliseconds(LONGEST)),
};

/** What the generator of random numbers begins with. */
export const SEED = wholeNumber(0, 2 ** 32 - 1);

/** The name of a server: a value of metadata that can stand in a list. */
export const INSTANCE: ValueKind<string> = {
  expects: "a name of at most 253 ASCII characters without spaces and commas",
  parse: (text) => /^[!-+\--~]{1,253}$/.test(text) ? text : undefined,
};
