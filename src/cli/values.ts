/** The values of flags: what each kind of them expects, and how it is read. */
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

const UNIT_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/**
 * A duration such as `500ms`, `2s`, `1.5m` or `1h`, in milliseconds.
 *
 * @param min the shortest, written in the same way; `0` needs no unit
 * @param max the longest
 */
export function duration(min: string, max: string): ValueKind<number> {
  const parse = quantity(UNIT_MS, min, max);
  const [a, b, c] = ["500ms", "2s", "1m", "1h"].filter((text) => parse(text) !== undefined);
  return {
    expects: `a duration from ${min} to ${max} with its unit, such as ${a}, ${b} or ${c}`,
    parse,
  };
}

const UNIT_BYTES = { MB: 1_000_000, GB: 1_000_000_000 };

/**
 * An amount of memory such as `400MB` or `1.5GB`, in bytes.
 *
 * @param min the smallest, written in the same way
 * @param max the largest
 */
export function size(min: string, max: string): ValueKind<number> {
  const expects = `a size from ${min} to ${max} with its unit, such as 400MB or 1.5GB`;
  return { expects, parse: quantity(UNIT_BYTES, min, max) };
}

/** Reads a number with a unit; `units` says how much each unit is worth. */
function quantity(
  units: Readonly<Record<string, number>>,
  min: string,
  max: string,
): ValueKind<number>["parse"] {
  const form = new RegExp(`^(\\d+(?:\\.\\d+)?)(${Object.keys(units).join("|")})$`);
  const amount = (text: string) => {
    const [, number, unit] = form.exec(text) ?? [];
    return text === "0" ? 0 : Number(number) * (units[unit ?? ""] ?? NaN);
  };
  const [least, most] = [amount(min), amount(max)];
  return (text) => within(amount(text), least, most);
}

/** The number if it lies between the two, or is one of them. */
function within(number: number, min: number, max: number): number | undefined {
  return number >= min && number <= max ? number : undefined;
}
