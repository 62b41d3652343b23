/** The values of flags: what each kind of them expects, and how it is read. */
import { bytes, milliseconds } from "../text/amounts.ts";
import type { ValueFlag } from "./command.ts";

/** A kind of values, to be spread into the declaration of a flag. */
export type ValueKind<T> = Pick<ValueFlag<T>, "expects" | "parse" | "fault">;

/** A path: any text without a NUL. */
export const PATH: ValueKind<string> = {
  expects: "the path of a file",
  parse: (text) => text === "" || text.includes("\0") ? undefined : text,
};

/** A TCP port. */
export const PORT: ValueKind<number> = {
  expects: "a port number from 1 to 65535",
  parse: (text) => PORT_OR_FREE.parse(text) || undefined,
};

/** A TCP port, or 0, which asks the system for a free one. */
export const PORT_OR_FREE: ValueKind<number> = {
  expects: "a port number from 1 to 65535, or 0 for any free one",
  parse: (text) => /^\d{1,5}$/.test(text) && Number(text) <= 65535 ? Number(text) : undefined,
};

/** A whole number in decimal digits, with no more digits than `max` has. */
export function wholeNumber(min: number, max: number): ValueKind<number> {
  const form = new RegExp(`^\\d{1,${String(max).length}}$`);
  return {
    expects: `a number from ${min} to ${max}`,
    parse: (text) => form.test(text) ? within(Number(text), min, max) : undefined,
  };
}

/** A number in decimal digits, with at most three behind the point. */
export function decimal(min: number, max: number): ValueKind<number> {
  return {
    expects: `a number from ${min} to ${max}`,
    parse: (text) =>
      /^\d{1,9}(?:\.\d{1,3})?$/.test(text) ? within(Number(text), min, max) : undefined,
  };
}

/**
 * A duration such as `500ms`, `2s`, `1.5m` or `1h`, in milliseconds.
 *
 * @param min the shortest, written in the same way; `0` needs no unit
 * @param max the longest
 */
export function duration(min: string, max: string): ValueKind<number> {
  const parse = between(milliseconds, min, max);
  const [a, b, c] = ["500ms", "2s", "1m", "1h"].filter((text) => parse(text) !== undefined);
  return {
    expects: `a duration from ${min} to ${max} with its unit, such as ${a}, ${b} or ${c}`,
    parse,
  };
}

/**
 * An amount of memory such as `400MB` or `1.5GB`, in bytes.
 *
 * @param min the smallest, written in the same way
 * @param max the largest
 */
export function size(min: string, max: string): ValueKind<number> {
  const expects = `a size from ${min} to ${max} with its unit, such as 400MB or 1.5GB`;
  return { expects, parse: between(bytes, min, max) };
}

function between(
  read: (text: string) => number,
  min: string,
  max: string,
): ValueKind<number>["parse"] {
  const [least, most] = [read(min), read(max)];
  return (text) => within(read(text), least, most);
}

/** The number if it lies between the two, or is one of them. */
function within(number: number, min: number, max: number): number | undefined {
  return number >= min && number <= max ? number : undefined;
}
