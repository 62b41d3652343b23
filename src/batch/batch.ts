import { ExitCode, exitCodeOfSignal, takeStopSignals } from "../cli/exit.ts";
import { say, writeError } from "../cli/output.ts";
import type { ConnectionOptions } from "../client/connection_options.ts";
import { openUserClient } from "../client/user_client.ts";
import { exitCodeOfStatus } from "../contract/status_codes.ts";
import {
  endless,
  fileNames,
  isStdin,
  listNames,
  type Names,
  NamesError,
  repeated,
} from "./names.ts";
import { lateness, type Pace, setPace } from "./pace.ts";
import { resultPrinter } from "./print_results.ts";
import { type Progress, startProgress } from "./progress.ts";
import { callerOf, type Failure } from "./result.ts";
import { callEach } from "./scheduler.ts";
import { excess, jsonSummary, type Limits, textSummary } from "./summary.ts";
import { startTally, type Tally } from "./tally.ts";

/** What to call, and how to print the results. */
interface Batch {
  readonly connection: ConnectionOptions;
  /** The names, or the path of a file that has one on each line; `-` is stdin. */
  readonly names: readonly string[] | { readonly path: string };
  /** How often each name is called. */
  readonly repeat: number;
  /** How long calls begin, in milliseconds, while the names repeat; undefined: until each was called. */
  readonly durationMs: number | undefined;
  /** The deadline of each call, in milliseconds. */
  readonly timeoutMs: number;
  /** How many calls are in flight at most. */
  readonly concurrency: number;
  /** How many calls begin per second; undefined: each as soon as it may. */
  readonly rate: number | undefined;
  /** Whether to stop at the first failed call. */
  readonly failFast: boolean;
  /** Whether stdout takes a JSON object for each name, or messages with the failures on stderr. */
  readonly json: boolean;
  /** Whether these objects also have what came with the answer. */
  readonly contexts: boolean;
  /** Whether a terminal shows no progress, and no line at the end, of a batch that lasts. */
  readonly quiet: boolean;
  /** What is wanted of the batch as a whole; undefined: nothing, and nothing is measured for it. */
  readonly report: Report | undefined;
}

/** What is wanted of a batch as a whole. */
export interface Report {
  /** The summary at the end, in lines for people or as one of JSON; undefined: none. */
  readonly summary: "text" | "json" | undefined;
  readonly limits: Limits;
}

/** A batch that runs. */
interface Run {
  readonly batch: Batch;
  readonly names: Names;
  /** Where somebody asked for what it counts. */
  readonly tally: Tally | undefined;
  readonly progress: Progress | undefined;
  /** Where a rate was asked for, from the first call on. */
  pace?: Pace;
  /** That of the first call that failed. */
  failure?: Failure;
}

/**
 * Makes the calls for each name and prints the results in the order of the names, then the summary.
 * SIGINT and SIGTERM stop it; a second one ends the process at once.
 *
 * @returns the exit code: that of the first call that failed, or {@linkcode ExitCode.FAILURE} where the
 * limits are exceeded
 * @throws {ExpectedError} if a TLS file cannot be used
 * @throws {NamesError} if the names cannot be read to their end
 */
export async function callNames(batch: Batch): Promise<number> {
  const run = startRun(batch);
  const stopping = new AbortController();
  const { signal } = stopping;
  onStopSignals((stop) => stopping.abort(stop), () => run.progress?.hide());
  let unread: NamesError | undefined;
  try {
    await printEach(run, signal);
  } catch (error) {
    if (!(error instanceof NamesError)) throw error;
    unread = error;
  } finally {
    await run.progress?.end();
  }
  await summarize(run);
  if (signal.aborted) return exitCodeOfSignal(signal.reason);
  if (unread !== undefined) throw unread;
  return exitCode(run);
}

function startRun(batch: Batch): Run {
  const { durationMs, report } = batch;
  const names = namesOf(batch);
  const showsProgress = hasProgress(batch);
  const tally = showsProgress || report !== undefined ? startTally() : undefined;
  const progress = tally && showsProgress
    ? startProgress({ tally, total: names.total, durationMs }, report?.summary === undefined)
    : undefined;
  return { batch, names, tally, progress };
}

function namesOf({ names, repeat, durationMs }: Batch): Names {
  const once = "path" in names ? fileNames(names.path) : listNames(names);
  return durationMs === undefined ? repeated(once, repeat) : endless(once);
}

function isQuiet({ trace, wire }: ConnectionOptions): boolean {
  return trace === undefined && wire === undefined;
}

/** Names that are typed, or a trace, would be mixed with the progress on the terminal. */
function hasProgress({ names, quiet, connection }: Batch): boolean {
  const typed = "path" in names && isStdin(names.path) && Deno.stdin.isTerminal();
  return !quiet && !typed && isQuiet(connection) && Deno.stderr.isTerminal();
}

/** @param beforeExit is called at the second signal, which ends the process */
function onStopSignals(first: (signal: Deno.Signal) => void, beforeExit: () => void): void {
  const signals = takeStopSignals();
  signals.next().then(first).then(signals.next).then((signal) => {
    beforeExit();
    Deno.exit(exitCodeOfSignal(signal));
  });
}

async function printEach(run: Run, signal: AbortSignal): Promise<void> {
  const { batch, names, tally, progress } = run;
  const { connection, concurrency, rate, durationMs, failFast, report } = batch;
  if (report !== undefined) await tally?.latencies.load();
  const client = await openUserClient(connection);
  const call = callerOf(client, {
    ...batch,
    contexts: batch.contexts || report?.summary !== undefined,
  });
  const print = resultPrinter({ ...batch, target: connection.target.name });
  if (rate !== undefined) run.pace = setPace(rate);
  const options = { concurrency, failFast, signal, pace: run.pace, durationMs };
  for await (const results of callEach(names.lists, call, options)) {
    const failed = results.find((result) => "failure" in result);
    if (failed !== undefined) run.failure ??= failed.failure;
    // Other lines are about to appear on the same terminal.
    if (Deno.stdout.isTerminal() || failed !== undefined) progress?.hide();
    const wanted = await print(results);
    tally?.count(results);
    progress?.update();
    if (!wanted) break;
  }
  client.close();
}

async function summarize({ batch, tally, pace }: Run): Promise<void> {
  const summary = batch.report?.summary;
  const begun = pace?.report();
  if (tally && summary !== undefined) {
    await say(summary === "json" ? jsonSummary(tally, begun) : textSummary(tally, begun));
  } else if (begun && begun.late > 0) {
    writeError(`usersvc call: ${lateness(begun)}`);
  }
}

/** A batch that exceeds its limits has failed; a line on stderr says what was measured. */
function exitCode({ batch, tally, failure }: Run): number {
  const limits = batch.report?.limits;
  const fault = tally && limits && excess(tally, limits);
  if (fault !== undefined) {
    writeError(`usersvc call: ${fault}`);
    return ExitCode.FAILURE;
  }
  // Where some calls may fail, those that did are no failure of the batch.
  if (failure === undefined || limits?.failedPercent !== undefined) return ExitCode.OK;
  return exitCodeOfStatus(failure.code);
}
