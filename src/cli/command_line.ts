import { parseArgs } from "@std/cli/parse-args";
import { excerpt } from "../escape.ts";
import {
  type Command,
  type Flags,
  type FlagValues,
  type SwitchFlag,
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
  const flags = Object.entries(command.flags);
  const valueFlags = flags.filter(isValueEntry);
  const switches = flags.filter((entry) => !isValueEntry(entry));
  const unknown: string[] = [];
  const operands: string[] = [];
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const parsed = parseArgs([...spellOut(args.slice(0, end), switches), ...args.slice(end)], {
    "--": true,
    string: valueFlags.map(([name]) => name),
    boolean: ["help", ...switches.map(([name]) => name)],
    collect: valueFlags.filter(([, flag]) => flag.repeats).map(([name]) => name),
    alias: { help: "h", ...shortNames(flags) },
    // Operands are collected here, as typed: with "_" among the strings, "-_" would be a flag.
    unknown: (arg, key) => {
      (key === undefined ? operands : unknown).push(arg);
      return false;
    },
  });
  operands.push(...parsed["--"]);
  // parseArgs would take it for --port=1.
  unknown.push(...args.slice(0, end).filter((arg) => /^--no-[^=]+=/.test(arg)));
  if (parsed.help) return { help: true };
  // A flag left without its value swallows nothing, so what follows it looks unknown: name it first.
  const missing = valueFlags.find(([name]) => [parsed[name]].flat().includes(""));
  if (missing) throw new UsageError(`--${missing[0]} needs a value: ${missing[1].expects}`);
  if (unknown[0] !== undefined) throw await unknownFlag(command, unknown[0]);

  checkOperands(command, operands);
  const values = {
    ...switchValues(switches, parsed, env),
    ...flagValues(valueFlags, parsed, env),
  } as FlagValues<Flags>;
  return { help: false, flags: values, operands };
}

type Parsed = Readonly<Record<string, unknown>>;
type Environment = (name: string) => string | undefined;

function isValueEntry(entry: [string, Flags[string]]): entry is [string, ValueFlag<unknown>] {
  return takesValue(entry[1]);
}

function shortNames(flags: readonly [string, Flags[string]][]): Record<string, string> {
  return Object.fromEntries(
    flags.flatMap(([name, { short }]) => short === undefined ? [] : [[name, short]]),
  );
}

/**
 * Gives each switch its value: parseArgs would take an operand "true" or "false" after it for it.
 * Not so `--no-x`: with a value, parseArgs takes it for `--x`.
 */
function spellOut(args: readonly string[], switches: readonly [string, SwitchFlag][]): string[] {
  const spellable = switches.filter(([name]) => !name.startsWith("no-"));
  const spelled = new Map(spellable.flatMap(([name, { short }]) =>
    [
      [`--${name}`, `--${name}=true`],
      ...(short === undefined ? [] : [[`-${short}`, `--${name}=true`]]),
    ] as [string, string][]
  ));
  return args.map((arg) => spelled.get(arg) ?? arg);
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

function checkOperands({ operands: declared }: Command, operands: string[]): void {
  const missing = declared[operands.length];
  if (missing && !missing.optional) {
    throw new UsageError(`missing ${missing.name}: ${missing.help}`);
  }
  const extra = operands[declared.length];
  if (extra === undefined || declared.at(-1)?.repeats) return;
  throw new UsageError(`unexpected argument "${excerpt(extra)}"`);
}

function switchValues(
  flags: readonly [string, SwitchFlag][],
  parsed: Parsed,
  env: Environment,
): Parsed {
  return Object.fromEntries(
    flags.map(([name, flag]) => [name, parsed[name] === true || isOn(flag.env, env)]),
  );
}

function isOn(variable: string | undefined, env: Environment): boolean {
  const text = variable === undefined ? "" : env(variable) ?? "";
  if (["1", "true"].includes(text)) return true;
  if (["", "0", "false"].includes(text)) return false;
  throw new UsageError(`${variable} expects 1, true, 0 or false, not "${excerpt(text)}"`);
}

function flagValues(
  flags: readonly [string, ValueFlag<unknown>][],
  parsed: Parsed,
  env: Environment,
): Parsed {
  const values: Record<string, unknown> = {};
  for (const [name, flag] of flags) {
    const typed = parsed[name] as string | string[] | undefined;
    if (Array.isArray(typed)) {
      values[name] = typed.map((text) => valueOf(flag, text, `--${name}`));
      continue;
    }
    const fromEnv = typed === undefined && flag.env ? env(flag.env) || undefined : undefined;
    const text = typed ?? fromEnv ?? flag.default;
    if (text === undefined) continue;
    values[name] = valueOf(flag, text, fromEnv === undefined ? `--${name}` : flag.env!);
  }
  return values;
}

function valueOf(flag: ValueFlag<unknown>, text: string, source: string): unknown {
  const value = flag.parse(text);
  if (value !== undefined) return value;
  const hint = flag.hint?.(text);
  throw new UsageError(
    `${source} expects ${flag.expects}, not "${excerpt(text)}"${hint ? `: ${hint}` : ""}`,
  );
}
