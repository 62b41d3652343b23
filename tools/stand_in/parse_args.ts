/**
 * A stand-in for parseArgs of jsr:@std/cli, for machines that cannot reach JSR. It is not the real
 * package and covers just what usersvc uses: the options `string`, `boolean`, `alias` and
 * `unknown`, long flags (`--port 1`, `--port=1`), short switches (`-h`), and `--`, after which
 * everything is an operand. tools/setup.ts installs it; tests/parse_args_test.ts holds it and the
 * real package to the same cases.
 */

/** The options that usersvc gives. */
export interface ParseOptions {
  /** Flags whose value stays a string; `_` keeps the operands strings. */
  readonly string: readonly string[];
  /** Flags without a value. */
  readonly boolean: readonly string[];
  /** Short names: `{ help: "h" }`. */
  readonly alias: Readonly<Record<string, string>>;
  /** Told about each operand (without a key) and unknown flag; false leaves it out. */
  readonly unknown: (arg: string, key?: string, value?: unknown) => unknown;
}

/** Operands in `_`, flags by their names. */
export interface Args {
  [flag: string]: unknown;
  _: (string | number)[];
}

/** Reads a command line. */
export function parseArgs(
  args: readonly string[],
  options: ParseOptions,
): Args {
  const end = args.indexOf("--");
  const flags = end === -1 ? args : args.slice(0, end);
  const names = Object.entries(options.alias).flatMap((
    [name, short],
  ) => [[short, name], [name, short]]);
  const aliases = new Map(names as [string, string][]);
  const isSwitch = (key: string) =>
    options.boolean.includes(key) ||
    options.boolean.includes(aliases.get(key) ?? key);
  const parsed: Args = { _: [] };
  for (const key of options.boolean) parsed[key] = false;

  function set(key: string, value: unknown, arg: string): void {
    const known = options.string.includes(key) || isSwitch(key);
    if (!known && options.unknown(arg, key, value) === false) return;
    parsed[key] = value;
    const alias = aliases.get(key);
    if (alias !== undefined) parsed[alias] = value;
  }

  for (let i = 0; i < flags.length; i++) {
    const arg = flags[i]!;
    const long = /^--(.+?)(?:=(.+))?$/s.exec(arg);
    const next = flags[i + 1];
    if (long) {
      const [, key, value] = long as unknown as [
        string,
        string,
        string | undefined,
      ];
      if (value !== undefined) {
        set(key, isSwitch(key) ? value !== "false" : value, arg);
      } else if (next && !isSwitch(key) && !next.startsWith("-")) {
        set(key, next, arg);
        i++;
      } else if (next === "true" || next === "false") {
        set(key, next === "true", arg);
        i++;
      } else {
        set(key, options.string.includes(key) ? "" : true, arg);
      }
    } else if (arg.length > 1 && arg.startsWith("-")) {
      for (const letter of arg.slice(1)) set(letter, true, arg);
    } else if (options.unknown(arg) !== false) {
      parsed._.push(arg);
    }
  }
  if (end !== -1) parsed._.push(...args.slice(end + 1));
  return parsed;
}
