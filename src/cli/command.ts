/** A flag. A switch, which takes no value or one of `=true` and `=false`, has no more than this. */
export interface Flag {
  /** One line of help. */
  readonly help: string;
  /** The heading under which help, docs and completions have it. */
  readonly group?: string;
  /**
   * The environment variable that gives the value where the flag is absent; one of a switch holds
   * `1`, `true`, `0` or `false`.
   */
  readonly env?: string;
  /** A letter that stands for the flag: `H` for `-H`. */
  readonly short?: string;
}

/** A flag that takes a value, `--port 50051`. */
export interface ValueFlag<T> extends Flag {
  /** Stands for the value in help: `PORT`. Shells complete paths for `FILE` and `PATH`. */
  readonly value: string;
  /** What a valid value is, to follow "expects" in an error line. */
  readonly expects: string;
  /** Reads the value, which may be empty; undefined if it is not valid. */
  readonly parse: (text: string) => T | undefined;
  /** What is wrong with an invalid value, in place of `expects`; undefined if that says enough. */
  readonly fault?: (text: string) => string | undefined;
  /** Used, as if it had been typed, where neither flag nor environment give a value. */
  readonly default?: string;
  /** What help shows as the default where `default` is absent. */
  readonly defaultNote?: string;
  /** May be given more than once; its value is then the list of all, in their order. */
  readonly repeats?: true;
  /** Valid values, not always all of them, that shells offer to complete. */
  readonly suggestions?: readonly string[];
}

/** A switch that says more each time it is given: `-v`, `-vv`, `--verbose=2`. Its value is that number. */
export interface CountedFlag extends Flag {
  readonly short: string;
  /** One line of help for the second time, for the third and so on; there are no more. */
  readonly further: readonly string[];
}

/** The flags of a command by their names, without the dashes. */
// The type of a value is unknown here: only the command that declares the flag knows it.
export type Flags = Readonly<Record<string, ValueFlag<unknown> | CountedFlag | Flag>>;

/**
 * The values of {@linkcode Flags}: undefined where a flag has no default and was not given, a list
 * where it repeats, a number where it counts.
 */
export type FlagValues<F extends Flags> = {
  readonly [K in keyof F]: F[K] extends ValueFlag<infer T> ? ValueOf<F[K], T>
    : F[K] extends CountedFlag ? number
    : boolean;
};

type ValueOf<F, T> = F extends { repeats: true } ? readonly T[]
  : F extends { default: string } ? T
  : T | undefined;

/** Tells a flag with a value from a switch. */
export function takesValue(flag: Flag): flag is ValueFlag<unknown> {
  return "parse" in flag;
}

/** Tells a flag that counts from a switch. */
export function isCounted(flag: Flag): flag is CountedFlag {
  return "further" in flag;
}

/** What help says of each further time that a flag is given; nothing for a flag that does not count. */
export function furtherHelp(flag: Flag): readonly (readonly [spelling: string, help: string])[] {
  if (!isCounted(flag)) return [];
  return flag.further.map((help, index) => [`-${flag.short.repeat(index + 2)}`, help]);
}

/** The flags of a group, with its heading. */
type FlagGroup = readonly [heading: string, flags: Flags];

/** Flags by their groups, in the order of the first of each; those without a group are the last. */
export function groupsOf(flags: Flags): readonly FlagGroup[] {
  const all = Object.entries(flags);
  const headings = new Set(all.flatMap(([, { group }]) => group ?? []));
  const others = headings.size === 0 ? "Flags" : "Other flags";
  const groups = [...headings, undefined].map((heading): FlagGroup => [
    heading ?? others,
    Object.fromEntries(all.filter(([, { group }]) => group === heading)),
  ]);
  return groups.filter(([, members]) => Object.keys(members).length > 0);
}

/** An argument that is not a flag. */
export interface Operand {
  /** Stands for it in help: `NAME`. */
  readonly name: string;
  /** One line of help. */
  readonly help: string;
  /** May be left out. */
  readonly optional?: true;
  /** May be given more than once; only the last operand of a command may say so. */
  readonly repeats?: true;
  /** It stands after `--`, with whatever follows it: the command line of another program. */
  readonly afterDashes?: true;
  /** Values that shells offer to complete. */
  readonly suggestions?: readonly string[];
}

/** A command line that is worth copying, with what it does. */
export interface Example {
  readonly command: string;
  readonly does: string;
}

/** A program: what its command line, its help and its completions are made from. */
export interface Program {
  /** What is typed to run it. */
  readonly name: string;
  /** What it does, to follow its name in the first line of help. */
  readonly summary: string;
  /** Makes the line that `--version` prints. */
  readonly version: () => string;
  /** The commands by their names, in the order of help. Each is loaded only when it is needed. */
  readonly commands: Readonly<Record<string, () => Promise<{ readonly command: Command }>>>;
  /** The commands that may start programs; all others give up the permission to. */
  readonly starters: readonly string[];
  readonly examples: readonly Example[];
}

/** A command of a program: everything that its file declares about it. */
export interface Command<F extends Flags = Flags> {
  /** What is typed after the program's name. */
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Further help, in lines of at most 80 columns. */
  readonly details?: string;
  readonly operands: readonly Operand[];
  readonly flags: F;
  readonly examples: readonly Example[];
  /** The exit code of a wrong command line, where it is not {@linkcode ExitCode.USAGE}. */
  readonly usageExitCode?: number;
  /** Why it cannot run on this machine, in words for an error line; undefined if it can. */
  readonly obstacle?: () => string | undefined;
  /** Runs it and returns the exit code. */
  readonly run: (
    flags: FlagValues<F>,
    operands: readonly string[],
    program: Program,
  ) => Promise<number>;
}

/** Declares a command: gives `run` the type of each flag, and returns the command unchanged. */
export function defineCommand<const F extends Flags>(command: Command<F>): Command {
  return command as unknown as Command;
}

/** The command line is wrong. The message is the one line to show; the exit code is 2. */
export class UsageError extends Error {
  override name = "UsageError";
}
