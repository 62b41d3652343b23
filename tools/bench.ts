/**
 * Measures usersvc beside other servers and clients, in one run on this machine.
 *
 * stdout has the result; stderr shows progress on a terminal, and what is being installed. With
 * `--write` the result also goes into docs/benchmarks.md, and the picture of it beside that.
 */
import { parseArgs } from "node:util";
import type { Build } from "./bench/contenders.ts";
import { measureAll, type Result, type Sizes } from "./bench/measure.ts";
import { drawPicture, formatResult, withFigures } from "./bench/report.ts";
import { formatMarkdown } from "./commands_doc.ts";
import { root } from "./paths.ts";

const USAGE = "usage: deno task bench [--write] [--quick] [--beside NAME=FILE]";

/** Ten minutes on two cores, half of it Python's. With the warm-up 200,000 calls each. */
const FULL: Sizes = { rounds: 3, calls: 40_000, processes: 10, names: 100_000 };

/** Half a minute: enough to see that everything works, not for figures to rely on. */
const QUICK: Sizes = { rounds: 1, calls: 2_000, processes: 2, names: 1_000 };

interface Options {
  /** Write docs/benchmarks.md and its picture. */
  readonly write: boolean;
  readonly sizes: Sizes;
  /** Another build of usersvc to measure as well. */
  readonly beside: Build | undefined;
}

/** @throws {TypeError} if a word is not known, or lacks a value */
function readArguments(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      write: { type: "boolean", default: false },
      quick: { type: "boolean", default: false },
      beside: { type: "string" },
    },
  });
  const [, name, path] = /^([^=|]+)=(.+)$/.exec(values.beside ?? "") ?? [];
  const beside = name === undefined || path === undefined ? undefined : { name, path };
  if (values.beside !== undefined && beside === undefined) {
    throw new TypeError("--beside expects a name, =, and the path of an executable or a launcher");
  }
  return { write: values.write, sizes: values.quick ? QUICK : FULL, beside };
}

async function writePage(result: Result): Promise<void> {
  const page = `${root}docs/benchmarks.md`;
  const text = withFigures(await Deno.readTextFile(page), result);
  await Deno.writeTextFile(page, await formatMarkdown(text));
  for (const theme of ["light", "dark"] as const) {
    await Deno.writeTextFile(`${root}docs/benchmarks-${theme}.svg`, drawPicture(result, theme));
  }
}

/** Shows one line on a terminal in place of the last one. */
function progress(line: string): void {
  if (Deno.stderr.isTerminal()) Deno.stderr.writeSync(new TextEncoder().encode(`\r\x1b[K${line}`));
}

async function main(args: string[]): Promise<number> {
  let options: Options;
  try {
    options = readArguments(args);
  } catch (error) {
    console.error(`bench: ${(error as Error).message}; ${USAGE}`);
    return 2;
  }
  if (Deno.build.os !== "linux") {
    console.error("bench: works on Linux only, where /proc tells the CPU time of a process");
    return 1;
  }
  try {
    const result = await measureAll(options.sizes, options.beside, progress);
    progress("");
    console.log(await formatMarkdown(formatResult(result)));
    if (options.write) await writePage(result);
    return 0;
  } catch (error) {
    progress("");
    console.error(`bench: ${(error as Error).message}`);
    return 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
