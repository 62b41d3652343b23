import { escapeControls, excerpt } from "../text/escape.ts";
import {
  type Flag,
  type Flags,
  isCounted,
  takesValue,
  UsageError,
  type ValueFlag,
} from "./command.ts";

/** Arguments that parseArgs can read in one way only, and the faults that it would not find. */
interface Spelled {
  readonly words: readonly string[];
  /** What is wrong with flags that are known, in their order. */
  readonly faults: readonly UsageError[];
  /** Long flags that are not known. */
  readonly unknown: readonly string[];
}

/**
 * Gives each known flag its value with a `=`: `--port 1` is `--port=1`, and `-v` is
 * `--verbose=true`. Without this, parseArgs takes an operand `true` for the value of the switch
 * before it, any value of a switch but `false` for `true`, and `--no-port=1` for `--port=1`; it takes
 * a value that is empty, or begins with a dash, for no value.
 *
 * A number of a flag that counts is written out: `--verbose=2` is that it is off, and on twice. Short
 * flags in one word, such as `-vH`, stay as they are.
 *
 * @param args what comes before `--`
 */
export function spellOut(args: readonly string[], flags: Flags): Spelled {
  const words: string[] = [];
  const faults: UsageError[] = [];
  const unknown: string[] = [];
  const queue = [...args];
  for (let arg = queue.shift(); arg !== undefined; arg = queue.shift()) {
    const { name, typed, text } = splitFlag(arg, flags);
    const flag = name === undefined ? undefined : flags[name]!;
    if (flag === undefined) {
      (arg.startsWith("--") ? unknown : words).push(arg);
    } else if (!takesValue(flag)) {
      const count = countOf(flag, text);
      const fault = count === undefined ? switchFault(typed, text, flag) : undefined;
      if (fault !== undefined) faults.push(fault);
      else if (count === undefined) words.push(`--${name}=${text ?? true}`);
      else words.push(`--${name}=false`, ...Array(count).fill(`--${name}=true`));
    } else if (text !== undefined || canBeValue(queue[0])) {
      words.push(`--${name}=${text ?? queue.shift()}`);
    } else {
      const next = splitFlag(queue[0] ?? "", flags).name === undefined ? queue[0] : undefined;
      faults.push(missingValue(`--${name}`, flag, next));
    }
  }
  return { words, faults, unknown };
}

/** A flag as it was typed. */
interface TypedFlag {
  /** Its long name; undefined if the argument is no flag that is known. */
  readonly name: string | undefined;
  /** The argument without its value: `-v`. */
  readonly typed: string;
  /** The value in the same argument, if it has one. */
  readonly text: string | undefined;
}

/** Takes an argument apart: `--name`, `--name=text`, `-n`, `-n=text`, or `-ntext`. */
export function splitFlag(arg: string, flags: Flags): TypedFlag {
  const [, long, longText] = /^--([^=]+)(?:=(.*))?$/s.exec(arg) ?? [];
  if (long !== undefined) {
    const name = Object.hasOwn(flags, long) ? long : undefined;
    return { name, typed: `--${long}`, text: longText };
  }
  const [, short, rest = ""] = /^-([a-z])(.*)$/is.exec(arg) ?? [];
  const [name, flag] = Object.entries(flags).find(([, flag]) => flag.short === short) ?? [];
  const cluster = flag === undefined || !takesValue(flag) && /^[a-z]+$/i.test(rest);
  if (short === undefined || cluster) return { name: undefined, typed: arg, text: undefined };
  return { name, typed: `-${short}`, text: rest === "" ? undefined : rest.replace(/^=/, "") };
}

/** How often a flag counts that was given with a number; undefined if it was not, or does not count. */
function countOf(flag: Flag, text: string | undefined): number | undefined {
  if (!isCounted(flag) || text === undefined || !/^\d$/.test(text)) return undefined;
  return Number(text) <= flag.further.length + 1 ? Number(text) : undefined;
}

/**
 * What is wrong with the value of a switch: it takes none, `true` or `false`, or a number if it counts.
 *
 * @param typed the switch as it was typed
 * @returns undefined if nothing is
 */
export function switchFault(
  typed: string,
  text: string | undefined,
  flag: Flag,
): UsageError | undefined {
  if (text === undefined || text === "true" || text === "false") return undefined;
  const counts = isCounted(flag) ? `, a number from 0 to ${flag.further.length + 1}` : "";
  const expected = `no value${counts}, =true or =false`;
  return new UsageError(`${typed} expects ${expected}, not "${excerpt(text)}"`);
}

/** An argument that begins with a dash is no value, but a dash alone, which stands for stdin, is. */
function canBeValue(arg: string | undefined): boolean {
  return arg !== undefined && (!arg.startsWith("-") || arg === "-");
}

/** @param next the argument in place of the value, unless it is a known flag or absent */
function missingValue(
  source: string,
  flag: ValueFlag<unknown>,
  next: string | undefined,
): UsageError {
  if (next === undefined) return invalidValue(source, flag, "");
  if (flag.parse(next) === undefined) return invalidValue(source, flag, next);
  const written = `${source}=${excerpt(next)}`;
  return new UsageError(
    `${source} needs a value: ${flag.expects}; one that begins with a dash is written ${written}`,
  );
}

/**
 * The error of a value that its flag does not accept.
 *
 * @param source the flag or the environment variable that it comes from
 */
export function invalidValue(source: string, flag: ValueFlag<unknown>, text: string): UsageError {
  if (text === "") return new UsageError(`${source} needs a value: ${flag.expects}`);
  const fault = flag.fault?.(text);
  return new UsageError(
    fault === undefined
      ? `${source} expects ${flag.expects}, not "${excerpt(text)}"`
      : `${source}: ${escapeControls(fault)}`,
  );
}
