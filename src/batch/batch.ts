import { ExitCode, exitCodeOfStatus } from "../cli/exit_code.ts";
import { say, writeAll, writeError } from "../cli/output.ts";
import { callEach, type Outcome } from "./scheduler.ts";
import type { Connection } from "../client/connection.ts";
import type { Target } from "../client/target.ts";
import { type CallOptions, openUserClient } from "../client/user_client.ts";
import { exitCodeOfSignal, takeStopSignals } from "../cli/signals.ts";
import { type Name, type Names, NamesError, namesFrom, namesOf } from "./names.ts";
import { type Progress, startProgress } from "./progress.ts";
import { failureLine, failureOf, jsonLine, messageLine, NameFault } from "./results.ts";

/** What to call, and how to tell of it. */
export interface Batch {
  readonly connection: Connection;
  /** The names, or the file that has them. */
  readonly names: readonly string[] | NamesFile;
  /** How each call is made. */
  readonly call: CallOptions;
  /** How many calls are under way at most. */
  readonly concurrency: number;
  /** Whether to stop at the first failed call. */
  readonly failFast: boolean;
  /** Whether stdout takes a JSON object for each name, or messages with the failures on stderr. */
  readonly json: boolean;
  /** Whether to show progress, should the batch last. */
  readonly progress: boolean;
}

/** A file with a name on each line. */
export interface NamesFile {
  /** `-` is stdin. */
  readonly path: string;
}

/**
 * Makes a call for each name and prints the results in the order of the names. SIGINT and SIGTERM
 * stop it; a second one ends the process at once.
 *
 * @returns the exit code
 */
export async function callNames(batch: Batch): Promise<number> {
  const stopping = new AbortController();
  let stopped: Deno.Signal | undefined;
  let progress: Progress | undefined;
  takeSignals((signal) => {
    stopped = signal;
    stopping.abort();
  }, () => progress?.end());
  try {
    const names = "path" in batch.names ? await namesFrom(batch.names.path) : namesOf(batch.names);
    if (batch.progress) progress = startProgress(names.total);
    const code = await printEach(batch, names, stopping.signal, progress);
    return stopped === undefined ? code : exitCodeOfSignal(stopped);
  } catch (error) {
    if (!(error instanceof NamesError)) throw error;
    await progress?.end();
    writeError(`usersvc call: ${error.message}`);
    return ExitCode.FAILURE;
  } finally {
    await progress?.end();
  }
}

function takeSignals(first: (signal: Deno.Signal) => void, last: () => void): void {
  const signals = takeStopSignals();
  signals.next().then(first).then(signals.next).then((signal) => {
    last();
    Deno.exit(exitCodeOfSignal(signal));
  });
}

async function printEach(
  { connection, call, concurrency, failFast, json }: Batch,
  names: Names,
  signal: AbortSignal,
  progress: Progress | undefined,
): Promise<number> {
  const client = await openUserClient(connection, { manyCalls: true });
  const callOne = async ({ username, fault }: Name) => {
    if (fault !== undefined) throw new NameFault(fault);
    return await client.getUser(username, call);
  };
  const print = json ? jsonPrinter(call.timeoutMs) : textPrinter(call.timeoutMs, connection.target);
  let first: Outcome<Name> & { error: unknown } | undefined;
  const options = { concurrency, failFast, signal };
  for await (const outcomes of callEach(names.lists, callOne, options)) {
    first ??= outcomes.find((outcome) => "error" in outcome);
    if (Deno.stdout.isTerminal() || outcomes.some((outcome) => "error" in outcome)) {
      progress?.hide();
    }
    const wanted = await print(outcomes);
    progress?.count(outcomes);
    if (!wanted) break;
  }
  client.close();
  if (first === undefined) return ExitCode.OK;
  return exitCodeOfStatus(failureOf(first.error, call.timeoutMs).code);
}

/** Writes outcomes; false if nobody wants more. */
type Printer = (outcomes: readonly Outcome<Name>[]) => Promise<boolean>;

function jsonPrinter(timeoutMs: number): Printer {
  return (outcomes) =>
    writeAll(Deno.stdout, outcomes.map((outcome) => jsonLine(outcome, timeoutMs)).join(""));
}

/** Messages go to stdout and failures to stderr, in their order even where both are one file. */
function textPrinter(timeoutMs: number, { name: target }: Target): Printer {
  return async (outcomes) => {
    let messages = "", failures = "", wanted = true;
    const flush = async () => {
      if (messages !== "") wanted = await writeAll(Deno.stdout, messages) && wanted;
      if (failures !== "") await say(failures);
      messages = failures = "";
    };
    for (const outcome of outcomes) {
      if ("message" in outcome) {
        if (failures !== "") await flush();
        messages += messageLine(outcome.message);
      } else {
        failures += failureLine(outcome.name, failureOf(outcome.error, timeoutMs), target);
      }
    }
    await flush();
    return wanted;
  };
}
