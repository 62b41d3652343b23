import { parseArgs } from "@std/cli/parse-args";
import { excerpt } from "../escape.ts";
import {
  type Command,
  type Flags,
  type FlagValues,
  takesValue,
  type ValueFlag,
} from "./command.ts";
import { didYouMean } from "./nearest.ts";
import { UsageError } from "./usage_error.ts";

/** What was asked of a command: to show its help, or to run with these values. */
export type Request =
  | { readonly help: true }
  | {
    readonly help: false;
    readonly flags: FlagValues<Flags>;
    readonly operands: string[];
  };

/**
 * Reads the arguments that follow the command's name, and the environment variables that its
 * flags name. Nothing else is read and nothing is written.
 *
 * @param env returns the value of an environment variable, or undefined
 * @throws {UsageError} for an unknown flag, a missing or invalid value, a missing or extra operand
 */
export async function readCommandLine(
  command: Command,
  args: readonly string[],
  env: (name: string) => string | undefined = Deno.env.get,
): Promise<Request> {
  const valueFlags = Object.entries(command.flags).filter(isValueEntry);
  const switches = Object.keys(command.flags).filter((name) => !takesValue(command.flags[name]!));
  const unknown: string[] = [];
  const operands: string[] = [];
  const parsed = parseArgs(args, {
    "--": true,
    string: valueFlags.map(([name]) => name),
    boolean: ["help", ...switches],
    alias: { help: "h" },
    // Operands are collected here, as typed: with "_" among the strings, "-_" would be a flag.
    unknown: (arg, key) => {
      (key === undefined ? operands : unknown).push(arg);
      return false;
    },
  });
  operands.push(...parsed["--"]);
  // parseArgs would take it for --port=1.
  unknown.push(...beforeDashes(args).filter((arg) => /^--no-[^=]+=/.test(arg)));
  if (parsed.help) return { help: true };
  // A flag left without its value swallows nothing, so what follows it looks unknown: name it first.
  const missing = valueFlags.find(([name]) => parsed[name] === "");
  if (missing) throw new UsageError(`--${missing[0]} needs a value: ${missing[1].expects}`);
  if (unknown[0] !== undefined) throw await unknownFlag(command, unknown[0]);

  const given = (name: string) => parsed[name] as string | undefined;
  checkOperands(command, operands);
  const flags = {
    ...Object.fromEntries(switches.map((name) => [name, parsed[name]])),
    ...flagValues(valueFlags, given, env),
  } as FlagValues<Flags>;
  return { help: false, flags, operands };
}

function isValueEntry(entry: [string, Flags[string]]): entry is [string, ValueFlag<unknown>] {
  return takesValue(entry[1]);
}

function beforeDashes(args: readonly string[]): readonly string[] {
  const end = args.indexOf("--");
  return end === -1 ? args : args.slice(0, end);
}

async function unknownFlag(command: Command, arg: string): Promise<UsageError> {
  const flag = /^--[^=]+/.exec(arg)?.[0] ?? arg;
  const known = [...Object.keys(command.flags), "help"].map((name) => `--${name}`);
  // Only where a name is expected can "-x" have been meant as one.
  const asOperand = command.operands[0] && !flag.startsWith("--")
    ? ` (to pass it as ${command.operands[0].name}, put -- before it)`
    : "";
  return new UsageError(
    `unknown flag ${excerpt(flag)}${await didYouMean(
      flag,
      known,
    )}${asOperand}`,
  );
}

function checkOperands(command: Command, operands: string[]): void {
  const missing = command.operands[operands.length];
  if (missing) throw new UsageError(`missing ${missing.name}: ${missing.help}`);
  const extra = operands[command.operands.length];
  if (extra === undefined) return;
  const hint = command.operands.length > 0 ? "; quote a value that holds spaces" : "";
  throw new UsageError(`unexpected argument "${excerpt(extra)}"${hint}`);
}

function flagValues(
  flags: readonly [string, ValueFlag<unknown>][],
  given: (name: string) => string | undefined,
  env: (name: string) => string | undefined,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [name, flag] of flags) {
    const typed = given(name);
    const fromEnv = typed === undefined && flag.env ? env(flag.env) || undefined : undefined;
    const text = typed ?? fromEnv ?? flag.default;
    if (text === undefined) continue;
    const value = flag.parse(text);
    if (value === undefined) {
      const source = fromEnv === undefined ? `--${name}` : flag.env;
      throw new UsageError(
        `${source} expects ${flag.expects}, not "${excerpt(text)}"`,
      );
    }
    values[name] = value;
  }
  return values;
}
