import assert from "node:assert/strict";
import { parseArgs as installed } from "@std/cli/parse-args";
import { parseArgs as standIn } from "../../tools/stand_in/parse_args.ts";

/** What is read from a command line. */
interface Reading {
  readonly operands: readonly string[];
  readonly help: boolean;
  readonly port: unknown;
  readonly host: unknown;
  readonly header: unknown;
  readonly unknown: readonly string[];
}

/** What an empty command line gives. */
const nothing: Reading = {
  operands: [],
  help: false,
  port: undefined,
  host: undefined,
  header: [],
  unknown: [],
};

/** A command line and how its reading differs from {@linkcode nothing}. */
interface Case extends Partial<Reading> {
  readonly args: readonly string[];
}

const cases: readonly Case[] = [
  { args: [] },

  // Operands keep their text.
  { args: ["a", "007", "1e3", "true"], operands: ["a", "007", "1e3", "true"] },
  { args: ["", " ", "-"], operands: ["", " ", "-"] },
  { args: ["na\nme", "🙂"], operands: ["na\nme", "🙂"] },
  { args: ["--", "--port", "-x", "--", ""], operands: ["--port", "-x", "--", ""] },
  { args: ["a", "--"], operands: ["a"] },

  // Flags with a value.
  { args: ["--port", "1", "a"], port: "1", operands: ["a"] },
  { args: ["a", "--port=007"], port: "007", operands: ["a"] },
  { args: ["--port=1", "--host", "::1"], port: "1", host: "::1" },
  { args: ["--port=1", "--port", "2"], port: "2" },
  { args: ["--port", "true", "a"], port: "true", operands: ["a"] },
  { args: ["--host=a=b"], host: "a=b" },
  { args: ["--host=a\nb"], host: "a\nb" },
  { args: ["--host==", "--port=-5"], host: "=", port: "-5" },
  { args: ["--host=🙂"], host: "🙂" },

  // Flags left without their value.
  { args: ["--port"], port: "" },
  { args: ["--port="], port: "" },
  { args: ["--port=", "a"], port: "", operands: ["a"] },
  { args: ["--port=", "--port=1"], port: "1" },
  { args: ["--port", "", "a"], port: "", operands: ["", "a"] },
  { args: ["--port", "-"], port: "", operands: ["-"] },
  { args: ["--port", "-5"], port: "", unknown: ["-5"] },
  { args: ["--port", "--host", "a"], port: "", host: "a" },
  { args: ["--port", "--", "1"], port: "", operands: ["1"] },

  // A flag that repeats, with a short name.
  { args: ["--header", "a: 1", "b"], header: ["a: 1"], operands: ["b"] },
  { args: ["-H", "a: 1", "-H", "007", "--header=b=c"], header: ["a: 1", "007", "b=c"] },
  { args: ["-H", "true"], header: ["true"] },
  { args: ["-H", "-"], header: ["-"] },
  { args: ["-H"], header: [""] },
  { args: ["-H", ""], header: [""], operands: [""] },
  { args: ["-H", "-x"], header: [""], unknown: ["-x"] },
  { args: ["-H", "--port", "1"], header: [""], port: "1" },
  { args: ["-H=a"], header: ["a"] },
  { args: ["-H7"], header: ["7"] },
  { args: ["-Ha=b"], header: ["b"] },
  { args: ["-Hx", "1"], header: [""], unknown: ["-Hx"] },
  { args: ["-hH", "1"], help: true, header: ["1"] },
  { args: ["--header", "a", "--", "-H"], header: ["a"], operands: ["-H"] },

  // Help.
  { args: ["--help", "a"], help: true, operands: ["a"] },
  { args: ["-h", "0"], help: true, operands: ["0"] },
  { args: ["--h"], help: true },
  { args: ["--help=", "a"], help: true, operands: ["a"] },
  { args: ["--help=0"], help: true },
  { args: ["--help=false"] },
  { args: ["--help", "true", "a"], help: true, operands: ["a"] },
  { args: ["--help", "false", "a"], operands: ["a"] },
  { args: ["-h", "false", "a"], operands: ["a"] },
  { args: ["--help", "--help=false"] },
  { args: ["--", "--help"], operands: ["--help"] },
  { args: ["-h=1"], help: true },
  { args: ["-h=false"], help: true },
  { args: ["-h-x"], help: true },
  { args: ["-h=0"] },
  { args: ["-h0"] },
  { args: ["-h="] },
  { args: ["-hx", "a"], help: true, unknown: ["-hx"] },
  { args: ["-xh"], help: true, unknown: ["-xh"] },

  // Unknown flags.
  { args: ["-x", "a"], unknown: ["-x"] },
  { args: ["-x=1", "a"], unknown: ["-x=1"], operands: ["a"] },
  { args: ["-x=h"], unknown: ["-x=h"] },
  { args: ["-p50051"], unknown: ["-p50051"] },
  { args: ["-5"], unknown: ["-5"] },
  { args: ["-🙂h"], unknown: ["-🙂h"] },
  { args: ["--prt=1", "a"], unknown: ["--prt=1"], operands: ["a"] },
  { args: ["--prt", "a"], unknown: ["--prt"] },
  { args: ["--na\nme"], unknown: ["--na\nme"] },
  { args: ["---port", "1"], unknown: ["---port"] },
  { args: ["--=1", "--port.a=1"], unknown: ["--=1", "--port.a=1"] },
  { args: ["--no-port", "a"], unknown: ["--no-port"] },
  { args: ["--no-help"], unknown: ["--no-help"] },
  { args: ["--no-port=1"], port: "1" },
  { args: ["--no-help=1"], help: true },

  // What every object has is not a flag, and neither is the name of the list of operands.
  { args: ["-_"], unknown: ["-_"] },
  { args: ["--_=x"], unknown: ["--_=x"] },
  { args: ["--toString"], unknown: ["--toString"] },
  { args: ["--constructor=1"], unknown: ["--constructor=1"] },
  { args: ["--__proto__=x"], unknown: ["--__proto__=x"] },
  { args: ["--__proto__.port=1"], unknown: ["--__proto__.port=1"] },
];

/** Options such as src/cli/command_line.ts gives, for the flags --port, --host, --header, --help. */
function options(operands: string[], unknown: string[]) {
  return {
    "--": true as const,
    string: ["port", "host", "header"],
    boolean: ["help"],
    collect: ["header"],
    alias: { help: "h", header: "H" },
    unknown: (arg: string, key?: string) => {
      (key === undefined ? operands : unknown).push(arg);
      return false;
    },
  };
}

type Implementation = (
  args: readonly string[],
  given: ReturnType<typeof options>,
) => { readonly [flag: string]: unknown; readonly "--": readonly string[] };

function read(parseArgs: Implementation, args: readonly string[]): Reading {
  const operands: string[] = [];
  const unknown: string[] = [];
  const parsed = parseArgs(args, options(operands, unknown));
  assert.equal(Object.getPrototypeOf(parsed), Object.prototype);
  return {
    operands: [...operands, ...parsed["--"]],
    help: Boolean(parsed.help),
    port: parsed.port,
    host: parsed.host,
    header: parsed.header,
    unknown,
  };
}

/** Whether two types are the same; `any` is so with itself alone. */
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true
  : false;

// Never called: what it returns is there for its type. Names that are no literals, as in the
// program, leave no more than this to be known of a flag.
function resultsOf(names: string[], alias: Record<string, string>, unknown: () => boolean) {
  const wide = {
    "--": true,
    string: names,
    boolean: names,
    collect: names,
    alias,
    unknown,
  } as const;
  const literal = {
    "--": true,
    string: ["port", "header"],
    boolean: ["help", "tag"],
    collect: ["header", "tag"],
    alias: { help: "h", header: "H" },
    unknown,
  } as const;
  return {
    installed: { wide: installed([], wide), literal: installed([], literal) },
    standIn: { wide: standIn([], wide), literal: standIn([], literal) },
  };
}

type Results = ReturnType<typeof resultsOf>;

/** For each flag whether its type is as strict as it is in the real package. */
type Strict<R extends Results[keyof Results]> = {
  readonly any: Same<NonNullable<R["wide"][string]>, string[] & boolean[]>;
  readonly unknown: Same<R["literal"][string], unknown>;
  readonly port: Same<R["literal"]["port"], string | undefined>;
  readonly header: Same<R["literal"]["header"], string[]>;
  readonly H: Same<R["literal"]["H"], string[]>;
  readonly help: Same<R["literal"]["help"], boolean>;
  readonly h: Same<R["literal"]["h"], boolean>;
  readonly tag: Same<R["literal"]["tag"], boolean[]>;
  readonly end: Same<R["wide"]["--"], string[]>;
};

Deno.test("the types of the stand-in are as strict as those of the installed @std/cli", () => {
  const all = {
    any: true,
    unknown: true,
    port: true,
    header: true,
    H: true,
    help: true,
    h: true,
    tag: true,
    end: true,
  } as const;
  // `deno check` refuses a type that has become looser, and one that has become stricter.
  const strict: { readonly [P in keyof Results]: Strict<Results[P]> } = {
    installed: all,
    standIn: all,
  };
  assert.deepEqual(strict.installed, strict.standIn);
});

const implementations: Readonly<Record<string, Implementation>> = {
  "the installed @std/cli": installed,
  "the stand-in": standIn,
};

for (const [name, parseArgs] of Object.entries(implementations)) {
  Deno.test(`${name} reads each command line as expected`, () => {
    for (const { args, ...expected } of cases) {
      assert.deepEqual({ args, ...read(parseArgs, args) }, { args, ...nothing, ...expected });
    }
  });

  Deno.test(`${name} lists each value of a switch that may be given more than once`, () => {
    const switched = (args: readonly string[]) =>
      parseArgs(args, { ...options([], []), collect: ["header", "help"] }).help;
    assert.deepEqual(switched([]), []);
    assert.deepEqual(switched(["--help=true", "--help=false", "-h"]), [true, false, true]);
    assert.deepEqual(switched(["-hH", "1", "--no-help=true"]), [true, true]);
  });
}
