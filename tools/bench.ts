/**
 * Measures usersvc beside other servers and clients, in one run on this machine.
 *
 * stdout has the result; stderr shows progress on a terminal, and what is being installed. With
 * `--write` the result also goes into docs/benchmarks.md, and the pictures of it beside that.
 */
import { defineCommand, UsageError } from "../src/cli/command.ts";
import { readCommandLine } from "../src/cli/command_line.ts";
import { program } from "../src/main.ts";
import { type Result, runBenchmark, type Sizes } from "./bench/benchmark.ts";
import { drawPicture } from "./bench/picture.ts";
import { formatResult, withFigures } from "./bench/report.ts";
import { formatMarkdown } from "./commands_doc.ts";
import { root } from "./paths.ts";

const USAGE =
  "usage: deno task bench [--json] [--write] [--rounds N] [--quick] [--beside NAME=FILE]";

/** A quarter of an hour on two cores, half of it Python's. With the warm-up 200,000 calls each. */
const FULL: Sizes = { rounds: 5, calls: 40_000, processes: 10, names: 100_000 };

/** Half a minute: enough to see that everything works, not for figures to rely on. */
const QUICK: Sizes = { rounds: 1, calls: 2_000, processes: 2, names: 1_000 };

const ROUNDS = "a number from 1 to 99";

const command = defineCommand({
  name: "bench",
  summary: "Measure usersvc beside other servers and clients",
  operands: [],
  flags: {
    json: { help: "Print one JSON object" },
    write: { help: "Write docs/benchmarks.md and its pictures" },
    quick: { help: "Measure little" },
    rounds: {
      value: "N",
      help: "How often everything is measured",
      expects: ROUNDS,
      parse: (text) => /^[1-9]\d?$/.test(text) ? Number(text) : undefined,
    },
    beside: {
      value: "NAME=FILE",
      help: "Measure another build of usersvc as well",
      expects: "a name, =, and the path of an executable or a launcher",
      parse: (text) => {
        const [, name, path] = /^([^=|]+)=(.+)$/.exec(text) ?? [];
        return name !== undefined && path !== undefined ? { name, path } : undefined;
      },
    },
  },
  examples: [],
  run: async ({ json, write, quick, rounds, beside }) => {
    if (Deno.build.os !== "linux") {
      console.error("bench: works on Linux only, where /proc tells the CPU time of a process");
      return 1;
    }
    const sizes = quick ? QUICK : FULL;
    const all = { ...sizes, rounds: rounds ?? sizes.rounds };
    const result = await runBenchmark(all, beside, progress);
    progress("");
    console.log(
      json ? JSON.stringify(result, null, 2) : await formatMarkdown(formatResult(result)),
    );
    if (write) await writePage(result);
    return 0;
  },
});

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
  try {
    const request = await readCommandLine(command, args);
    if (!request.help) return await command.run(request.flags, request.operands, program);
    console.log(USAGE);
    return 0;
  } catch (error) {
    const usage = error instanceof UsageError;
    progress("");
    console.error(`bench: ${(error as Error).message}${usage ? `; ${USAGE}` : ""}`);
    return usage ? 2 : 1;
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
