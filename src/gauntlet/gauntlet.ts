/** Sends a client through cases. */
import { formatCount } from "../text/amounts.ts";
import { ExpectedError } from "../text/errors.ts";
import { excerpt } from "../text/escape.ts";
import { allCases } from "./cases.ts";
import type { Case } from "./case.ts";
import { type ListenOptions, type Seen, withCaseServer } from "./case_server.ts";
import { type ClientEnd, runClient } from "./client.ts";
import { openPeakMemory, type PeakMemory } from "./peak_memory.ts";
import { type ExitCodes, judge, type Judgement } from "./verdict.ts";

/** How a client is sent through cases. */
export interface GauntletOptions {
  /** The program and its arguments. */
  readonly words: readonly string[];
  readonly cases: readonly Case[];
  /** The deadline of each call, in milliseconds. */
  readonly timeoutMs: number;
  /** How many clients run at once. */
  readonly jobs: number;
  readonly exitCodes: ExitCodes;
  readonly listen: ListenOptions;
  /** Ends the clients that run, and begins no more. */
  readonly interrupt: AbortSignal;
}

/** How a case ended. */
export interface Result extends Judgement, ClientEnd {
  readonly case: Case;
  readonly seen: Seen;
  /** What went over the last connection, in lines, which are escaped; none of a case that passed. */
  readonly frames: readonly string[];
}

/**
 * Runs a client once for each case.
 *
 * @param onResult is told of each case when it has ended
 * @returns the results in the order of the cases; fewer if it was interrupted
 * @throws {ExpectedError} if the client fails where the server does nothing wrong
 * @throws {Error} the system's, if the program cannot be started
 */
export async function runGauntlet(
  options: GauntletOptions,
  onResult: (result: Result) => void,
): Promise<readonly Result[]> {
  const memory = openPeakMemory();
  try {
    const control = await runCase(CONTROL, options, memory);
    if (control === undefined) return [];
    if (control.verdict !== "passed") throw new ExpectedError(controlFault(control));
    const results = new Map<Case, Result>();
    const end = (result: Result) => {
      results.set(result.case, result);
      onResult(result);
    };
    if (options.cases.includes(CONTROL)) end(control);
    const queue = options.cases.filter((one) => one !== CONTROL);
    await Promise.all(Array.from({ length: options.jobs }, async () => {
      for (let one = queue.shift(); one !== undefined; one = queue.shift()) {
        const result = await runCase(one, options, memory);
        if (result === undefined) return;
        end(result);
      }
    }));
    return options.cases.flatMap((one) => results.get(one) ?? []);
  } finally {
    await memory.close();
  }
}

/** What fails here fails everywhere, and seems right where a client is to fail. */
const CONTROL = allCases.find(({ name }) => name === "answer")!;

function controlFault({ ended, output, seen, verdict, exitCode }: Result): string {
  const task = "it has to call GetUser at USERSVC_ADDRESS or {address}, and to exit with 0";
  const last = lastLines(output, 1).map((line) => `: ${excerpt(line, 200)}`).join("");
  if (exitCode === 0 && seen.connections === 0) {
    return `the command ended with exit code 0, but has not connected to the server${last}; ${task}`;
  }
  const connections = formatCount(seen.connections, "connection");
  return `the command fails with a server that answers as it should (${verdict}, ${ended}, ` +
    `${connections})${last}; ${task}`;
}

/** The last lines of an output that have something in them. */
export function lastLines(output: string, count: number): readonly string[] {
  return output.split("\n").filter((line) => line.trim() !== "").slice(-count);
}

/** @returns undefined if it was interrupted */
async function runCase(
  one: Case,
  { words, timeoutMs, exitCodes, listen, interrupt }: GauntletOptions,
  memory: PeakMemory,
): Promise<Result | undefined> {
  if (interrupt.aborted) return undefined;
  return await withCaseServer(one, listen, async (server) => {
    const { address, seen, connected } = server;
    const end = await runClient({ words, address, timeoutMs, interrupt, memory }, connected);
    if (interrupt.aborted) return undefined;
    const judgement = judge(one, end, seen, exitCodes);
    const frames = judgement.verdict === "passed" ? [] : await server.lastConnection();
    return { case: one, ...end, seen: { ...seen }, ...judgement, frames };
  });
}
