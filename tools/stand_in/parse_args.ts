/**
 * A stand-in for parseArgs of jsr:@std/cli, for machines that cannot reach JSR. It is not the real
 * package and covers just what usersvc uses: the options `string`, `boolean`, `collect`, `alias`,
 * `unknown` and `--`, long flags (`--port 1`, `--port=1`) and short ones (`-h`, `-H value`). tools/setup.ts installs
 * it; tests/tools/parse_args_test.ts holds it and the real package to the same cases.
 */

/**
 * The options that usersvc gives. As in the real package, the names in them make the type of the
 * result: what the real types refuse is refused here too, where only the stand-in is there.
 */
interface ParseOptions<
  Texts extends string,
  Switches extends string,
  Lists extends string,
  Short,
> {
  /** Keeps what follows `--` apart. */
  readonly "--": true;
  /** Long flags whose value stays a string. */
  readonly string: readonly Texts[];
  /** Flags without a value, unless it is `true` or `false`. */
  readonly boolean: readonly Switches[];
  /** Those of both that are lists, empty where the flag is absent. */
  readonly collect: readonly Lists[];
  /** Short names: `{ help: "h" }`. */
  readonly alias: Short;
  /** Told about each operand (without a key) and unknown flag: the only place they appear in. */
  readonly unknown: (arg: string, key?: string, value?: unknown) => unknown;
}

/** What each flag is: a name that is no literal may be any of the lists, and then it is all. */
type Flags<Texts extends string, Switches extends string, Lists extends string> =
  & { [Name in Exclude<Texts, Lists>]?: string }
  & { [Name in Extract<Texts, Lists>]: string[] }
  & { [Name in Exclude<Switches, Lists>]: boolean }
  & { [Name in Extract<Switches, Lists>]: boolean[] };

/** The same under the short names as well, where they are literals. */
type WithShort<All, Short> = {
  [Name in keyof All as Name | ShortOf<Name, Short>]: All[Name];
};

type ShortOf<Name, Short> = Name extends keyof Short
  ? string extends Short[Name] ? never : Extract<Short[Name], string>
  : never;

/** Flags by their names, operands that `unknown` has kept, and what follows `--`. */
type Args<
  Texts extends string,
  Switches extends string,
  Lists extends string,
  Short,
> =
  & Record<string, unknown>
  & WithShort<Flags<Texts, Switches, Lists>, Short>
  & { _: (string | number)[]; "--": string[] };

/** Reads a command line. */
export function parseArgs<
  Texts extends string,
  Switches extends string,
  Lists extends string,
  const Short extends Readonly<Record<string, string>>,
>(
  args: readonly string[],
  options: ParseOptions<Texts, Switches, Lists, Short>,
): Args<Texts, Switches, Lists, Short> {
  const end = args.includes("--") ? args.indexOf("--") : args.length;
  const queue = args.slice(0, end);
  const parsed: Record<string, unknown> = { "--": args.slice(end + 1), _: [] };
  const lists = new Set<string>(options.collect);
  const switches = new Set<string>(options.boolean);
  const texts = new Set<string>(options.string);
  for (const name of options.boolean) parsed[name] = false;
  for (const name of options.collect) parsed[name] = [];

  const longNames = new Map(
    Object.entries(options.alias).map(([long, short]) => [short, long]),
  );
  const longName = (key: string) => longNames.get(key) ?? key;
  const isSwitch = (key: string) => switches.has(longName(key));
  const isString = (key: string) => texts.has(longName(key));

  function set(arg: string, key: string, value: unknown): void {
    const name = longName(key);
    if (!isSwitch(key) && !isString(key)) options.unknown(arg, key, value);
    else if (lists.has(name)) parsed[name] = [...parsed[name] as unknown[], value];
    else parsed[name] = value;
  }

  function valueFromNext(key: string, isFlag: RegExp): string | boolean {
    const next = queue[0] ?? "";
    if (isSwitch(key)) {
      return next !== "true" && next !== "false" || queue.shift() === "true";
    }
    return next === "" || isFlag.test(next) ? "" : queue.shift()!;
  }

  function readLong(arg: string, key: string, value: string | undefined): void {
    if (value === undefined) return set(arg, key, valueFromNext(key, /^-/));
    // The real package ignores the `no-` of a flag that is given a value.
    const named = key.replace(/^no-(?=.)/s, "");
    set(arg, named, isSwitch(named) ? value !== "false" : value);
  }

  function readShort(arg: string): void {
    for (let at = 1; at < arg.length; at++) {
      const letter = arg.charAt(at);
      const rest = arg.slice(at + 1);
      const value = attachedValue(letter, rest);
      if (value !== undefined) {
        return set(arg, letter, isString(letter) ? value : toNumber(value));
      }
      const more = rest !== "";
      set(arg, letter, more ? !isString(letter) || "" : valueFromNext(letter, /^--?[^-]/));
    }
  }

  for (let arg = queue.shift(); arg !== undefined; arg = queue.shift()) {
    const [, key, value] = /^--(.[^=]*)(?:=(.*))?$/s.exec(arg) ?? [];
    if (key !== undefined) readLong(arg, key, value);
    else if (/^-./s.test(arg)) readShort(arg);
    else options.unknown(arg);
  }
  return parsed as Args<Texts, Switches, Lists, Short>;
}

/**
 * What follows a short flag in the same argument, where the real package takes it for a value
 * (`-x=1`, `-x1`) and not for further flags.
 */
function attachedValue(letter: string, rest: string): string | undefined {
  if (rest === "=") return "";
  if (/[A-Za-z]/.test(letter)) {
    const assigned = /=(.+)/.exec(rest)?.[1];
    if (assigned !== undefined) return assigned;
    if (/\d\.?$/.test(rest)) return rest;
  }
  return /^(-$|\W.)/s.test(rest) ? rest : undefined;
}

/** A number where a text is one, as in the real package: `-h0` is thus no `-h`. */
function toNumber(text: string): number | string {
  return text.trim() !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}
