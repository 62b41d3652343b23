import { parseArgs } from "@std/cli/parse-args";
import { excerpt } from "../text/escape.ts";
import {
  type Command,
  type CountedFlag,
  type Flag,
  type Flags,
  type FlagValues,
  isCounted,
  type Operand,
  takesValue,
  UsageError,
  type ValueFlag,
} from "./command.ts";
import { HELP_FLAG } from "./help.ts";
import { invalidValue, spellOut } from "./spell_out.ts";

/** What was asked of a command: to show its help, or to run with these values. */
type Request =
  | { readonly help: true }
  | {
    readonly help: false;
    readonly flags: FlagValues<Flags>;
    readonly operands: readonly string[];
  };

type Environment = (name: string) => string | undefined;

/**
 * Reads the arguments that follow the command's name, and the environment variables that its
 * flags name: a flag wins over its variable. Nothing else is read and nothing is written.
 *
 * @param env returns the value of an environment variable, or undefined
 * @throws {UsageError} for an unknown flag, a missing or invalid value, a missing or extra operand
 */
export async function readCommandLine(
  command: Command,
  args: readonly string[],
  env: Environment = Deno.env.get,
): Promise<Request> {
  const flags: Flags = { ...command.flags, help: HELP_FLAG };
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const { words, faults, unknown } = spellOut(args.slice(0, end), flags);
  const given = parse([...words, ...args.slice(end)], flags);
  if (given.valuesOf("help").at(-1) === true) return { help: true };
  if (faults[0] !== undefined) throw faults[0];
  const [strange] = [...unknown, ...given.unknown];
  if (strange !== undefined) throw await unknownFlag(command, strange);

  const operands = operandsOf(command, given);
  const values = Object.entries(command.flags).map(([name, flag]) => [
    name,
    takesValue(flag)
      ? flagValue(name, flag, given.valuesOf(name).map(String), env)
      : isCounted(flag)
      ? countedValue(name, flag, given.valuesOf(name))
      : switchValue(flag, given.valuesOf(name), env),
  ]);
  return {
    help: false,
    flags: Object.fromEntries(values.filter(([, value]) => value !== undefined)),
    operands,
  };
}

/** What parseArgs has found. */
interface Given {
  /** Each value of a flag, in their order: texts, or `true` and `false` of a switch. */
  valuesOf(name: string): readonly unknown[];
  readonly operands: readonly string[];
  /** What follows `--`; undefined without it. */
  readonly afterDashes: readonly string[] | undefined;
  readonly unknown: readonly string[];
}

/** Runs parseArgs. Only this function reads its result, so that nothing else depends on its types. */
function parse(args: readonly string[], flags: Flags): Given {
  const unknown: string[] = [];
  const operands: string[] = [];
  const named = (wanted: (flag: Flags[string]) => boolean) =>
    Object.entries(flags).filter(([, flag]) => wanted(flag)).map(([name]) => keyOf(name));
  const parsed: Readonly<Record<string, unknown>> = parseArgs(args, {
    "--": true,
    string: named(takesValue),
    boolean: named((flag) => !takesValue(flag)),
    collect: named(() => true),
    alias: shortNames(flags),
    // Operands are collected here: with "_" in `string`, parseArgs would take "-_" for a flag.
    unknown: (arg, key) => {
      (key === undefined ? operands : unknown).push(arg);
      return false;
    },
  });
  const list = (value: unknown): readonly unknown[] => Array.isArray(value) ? value : [];
  return {
    valuesOf: (name) => list(parsed[keyOf(name)]),
    operands,
    afterDashes: args.includes("--") ? list(parsed["--"]).map(String) : undefined,
    unknown,
  };
}

/** The key of a flag in the result of parseArgs, which leaves out `no-`. */
function keyOf(name: string): string {
  return name.replace(/^no-/, "");
}

function shortNames(flags: Flags): Record<string, string> {
  return Object.fromEntries(
    Object.entries(flags).flatMap(([name, { short }]) =>
      short === undefined ? [] : [[keyOf(name), short]]
    ),
  );
}

async function unknownFlag(command: Command, arg: string): Promise<UsageError> {
  const flag = /^--[^=]+/.exec(arg)?.[0] ?? arg;
  const known = [...Object.keys(command.flags), "help"].map((name) => `--${name}`);
  // "-x" can have been meant as an operand only if the command takes one.
  const [operand] = command.operands;
  const asOperand = operand && !operand.afterDashes && !flag.startsWith("--")
    ? ` (to pass it as ${operand.name}, put -- before it)`
    : "";
  const hint = await didYouMean(flag, known);
  return new UsageError(`unknown flag ${excerpt(flag)}${hint}${asOperand}`);
}

/** @throws {UsageError} if there are more or fewer operands than are declared */
function operandsOf(command: Command, { operands, afterDashes }: Given): readonly string[] {
  const [first] = command.operands;
  if (!first?.afterDashes) {
    const all = [...operands, ...afterDashes ?? []];
    checkOperands(command.operands, all);
    return all;
  }
  checkOperands([], operands, ` (${first.name} follows --)`);
  // A script whose variable is empty means to run something.
  if (afterDashes?.length === 0) throw missing(first);
  return afterDashes ?? [];
}

/** @param hint follows the error of one too many */
function checkOperands(
  declared: readonly Operand[],
  operands: readonly string[],
  hint = "",
): void {
  const next = declared[operands.length];
  if (next && !next.optional) throw missing(next);
  const extra = operands[declared.length];
  if (extra === undefined || declared.at(-1)?.repeats) return;
  throw new UsageError(`unexpected argument "${excerpt(extra)}"${hint}`);
}

function missing({ name, help }: Operand): UsageError {
  return new UsageError(`missing ${name}: ${help}`);
}

function switchValue(flag: Flag, given: readonly unknown[], env: Environment): boolean {
  if (given.length > 0) return given.at(-1) === true;
  const text = flag.env === undefined ? "" : env(flag.env) ?? "";
  if (["1", "true"].includes(text)) return true;
  if (["", "0", "false"].includes(text)) return false;
  throw new UsageError(`${flag.env} expects 1, true, 0 or false, not "${excerpt(text)}"`);
}

/** How often it was given after it was switched off, if it was. */
function countedValue(name: string, flag: CountedFlag, given: readonly unknown[]): number {
  const count = given.length - 1 - given.lastIndexOf(false);
  const most = flag.further.length + 1;
  if (count <= most) return count;
  throw new UsageError(`--${name} can be given ${most} times at most`);
}

function flagValue(
  name: string,
  flag: ValueFlag<unknown>,
  texts: readonly string[],
  env: Environment,
): unknown {
  if (flag.repeats) return texts.map((text) => valueOf(flag, text, `--${name}`));
  const typed = texts.at(-1);
  const fromEnv = typed === undefined && flag.env ? env(flag.env) || undefined : undefined;
  const text = typed ?? fromEnv ?? flag.default;
  if (text === undefined) return undefined;
  return valueOf(flag, text, fromEnv === undefined ? `--${name}` : flag.env!);
}

function valueOf(flag: ValueFlag<unknown>, text: string, source: string): unknown {
  const value = flag.parse(text);
  if (value === undefined) throw invalidValue(source, flag, text);
  return value;
}

/** How many candidates are named at most. */
const MAX_NAMED = 4;

/**
 * The end of an error line: ` (did you mean serve?)`. It is empty if no candidate begins with what was
 * typed, and each differs from it in half of the typed characters or more.
 */
export async function didYouMean(typed: string, candidates: string[]): Promise<string> {
  const longer = candidates.filter((name) => /\w/.test(typed) && name.startsWith(typed));
  if (longer.length > 0 && longer.length <= MAX_NAMED) {
    return ` (did you mean ${longer.join(", ").replace(/, (\S+)$/, " or $1")}?)`;
  }
  const { closestMatch } = await import("leven");
  const maxDistance = Math.ceil(typed.length / 2) - 1;
  const match = closestMatch(typed, candidates, { maxDistance });
  return match === undefined ? "" : ` (did you mean ${match}?)`;
}
