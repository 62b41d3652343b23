/**
 * Measures usersvc beside other servers and clients, in one run on this machine.
 *
 * stdout has the result; stderr shows progress on a terminal, and what is being installed.
 */
import { defineCommand, UsageError } from "../src/cli/command.ts";
import { readCommandLine } from "../src/cli/command_line.ts";
import { program } from "../src/main.ts";
import { runBenchmark } from "./bench/benchmark.ts";
import type { Sizes } from "./bench/result.ts";
import { formatResult } from "./bench/table.ts";

const USAGE = "usage: deno task bench [--json] [--rounds N] [--quick]";

/** Seven minutes or so on two cores, half of it the Python client's many calls. */
const FULL: Sizes = {
  rounds: 3,
  // V8 compiles until then: the first 10,000 calls of usersvc cost twice as much as the fifth 10,000.
  warmUpCalls: 40_000,
  calls: 40_000,
  processes: 10,
  manyCalls: 100_000,
};

/** Under half a minute: enough to see that everything works, not for figures to rely on. */
const QUICK: Sizes = {
  rounds: 1,
  warmUpCalls: 500,
  calls: 2_000,
  processes: 2,
  manyCalls: 1_000,
};

const ROUNDS = "a number from 1 to 99";

const command = defineCommand({
  name: "bench",
  summary: "Measure usersvc beside other servers and clients",
  operands: [],
  flags: {
    json: { help: "Print one JSON object" },
    quick: { help: "Measure little" },
    rounds: {
      value: "N",
      help: "How often everything is measured",
      expects: ROUNDS,
      parse: (text) => /^[1-9]\d?$/.test(text) ? Number(text) : undefined,
    },
  },
  examples: [],
  run: async ({ json, quick, rounds }) => {
    if (Deno.build.os !== "linux") {
      console.error("bench: works on Linux only, where /proc tells the CPU time of a process");
      return 1;
    }
    const sizes = quick ? QUICK : FULL;
    const result = await runBenchmark({ ...sizes, rounds: rounds ?? sizes.rounds }, progress);
    progress("");
    console.log(json ? JSON.stringify(result, null, 2) : formatResult(result).trimEnd());
    return 0;
  },
});

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
