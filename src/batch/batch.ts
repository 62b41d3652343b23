import { writeError } from "../cli/output.ts";
import { ExitCode, exitCodeOfSignal, takeStopSignals } from "../cli/exit.ts";
import type { ConnectionOptions } from "../client/connection_options.ts";
import { type CallOptions, openUserClient, type UserClient } from "../client/user_client.ts";
import { exitCodeOfStatus } from "../contract/status_codes.ts";
import {
  endless,
  listNames,
  type Name,
  type Names,
  NamesError,
  openNames,
  repeated,
} from "./names.ts";
import { lateness, type PaceReport, setPace } from "./pace.ts";
import { type Progress, startProgress } from "./progress.ts";
import type { Report, ReportOptions } from "./report.ts";
import { describeResultError, NameFault, resultPrinter } from "./results.ts";
import { callEach, type CallOne, type CallResult } from "./scheduler.ts";

/** What to call, and how to print the results. */
export interface Batch {
  readonly connection: ConnectionOptions;
  /** The names, or the file that has them. */
  readonly names: readonly string[] | NamesFile;
  /** How often each name is called. */
  readonly repeat: number;
  /** How long calls begin, in milliseconds, while the names repeat; absent: until each was called. */
  readonly durationMs?: number;
  /** How each call is made. */
  readonly call: CallOptions;
  /** How many calls are in flight at most. */
  readonly concurrency: number;
  /** How many calls begin per second; absent: each as soon as it may. */
  readonly rate?: number;
  /** Whether to stop at the first failed call. */
  readonly failFast: boolean;
  /** Whether stdout takes a JSON object for each name, or messages with the failures on stderr. */
  readonly json: boolean;
  /** Whether these objects also have what came with the answer. */
  readonly contexts: boolean;
  /** Whether to show progress once the batch has lasted a second. */
  readonly progress: boolean;
  /** What is wanted of the batch as a whole; absent: nothing, and nothing is measured for it. */
  readonly report?: ReportOptions;
}

/** A file with a name on each line. */
export interface NamesFile {
  /** `-` is stdin. */
  readonly path: string;
}

/** What sees the results of a batch beside stdout; absent where nobody asked for it. */
interface Watchers {
  progress?: Progress;
  report?: Report;
}

/** How the calls went. */
interface Outcome {
  /** The first call that failed. */
  readonly failed: FailedCall | undefined;
  readonly pace: PaceReport | undefined;
}

type FailedCall = CallResult & { readonly error: unknown };

/**
 * Makes the calls for each name and prints the results in the order of the names, then the summary.
 * SIGINT and SIGTERM stop it; a second one ends the process at once.
 *
 * @returns the exit code: that of the first call that failed, or {@linkcode ExitCode.FAILURE} where the
 * limits are exceeded or the names cannot be read
 * @throws {ExpectedError} if a TLS file cannot be used
 */
export async function callNames(batch: Batch): Promise<number> {
  const watchers: Watchers = {};
  const stopping = new AbortController();
  let stopped: Deno.Signal | undefined;
  onStopSignals((signal) => {
    stopped = signal;
    stopping.abort();
  }, () => watchers.progress?.hide());
  try {
    const names = await namesOf(batch);
    await startWatchers(batch, names, watchers);
    const outcome = await printEach(batch, names, stopping.signal, watchers);
    await watchers.progress?.end();
    await watchers.report?.summarize(outcome.pace);
    if (batch.report?.summary === undefined) tellLateness(outcome.pace);
    return stopped === undefined
      ? await exitCode(batch, outcome, watchers.report)
      : exitCodeOfSignal(stopped);
  } catch (error) {
    if (!(error instanceof NamesError)) throw error;
    await watchers.progress?.end();
    writeError(`usersvc call: ${error.message}`);
    return ExitCode.FAILURE;
  } finally {
    await watchers.progress?.end();
  }
}

/** @param beforeExit is called at the second signal, which ends the process */
function onStopSignals(first: (signal: Deno.Signal) => void, beforeExit: () => void): void {
  const signals = takeStopSignals();
  signals.next().then(first).then(signals.next).then((signal) => {
    beforeExit();
    Deno.exit(exitCodeOfSignal(signal));
  });
}

async function namesOf({ names, repeat, durationMs }: Batch): Promise<Names> {
  const once = "path" in names ? await openNames(names.path) : listNames(names);
  return durationMs === undefined ? repeated(once, repeat) : endless(once);
}

async function startWatchers(batch: Batch, names: Names, watchers: Watchers): Promise<void> {
  const { progress, report, durationMs, call: { timeoutMs } } = batch;
  if (report !== undefined) {
    const { startReport } = await import("./report.ts");
    watchers.report = startReport(report, timeoutMs);
  }
  if (progress) {
    const summary = report?.summary === undefined;
    watchers.progress = startProgress({
      total: names.total,
      ...(durationMs === undefined ? {} : { durationMs }),
      summary,
    });
  }
}

async function printEach(
  batch: Batch,
  names: Names,
  signal: AbortSignal,
  { progress, report }: Watchers,
): Promise<Outcome> {
  const { connection, call: { timeoutMs }, concurrency, rate, durationMs, failFast } = batch;
  const client = await openUserClient(connection);
  const pace = rate === undefined ? undefined : setPace(rate);
  const options = {
    concurrency,
    failFast,
    signal,
    ...(pace && { pace }),
    ...(durationMs === undefined ? {} : { durationMs }),
  };
  const print = resultPrinter({ ...batch, timeoutMs, target: connection.target.name });
  let firstFailed: FailedCall | undefined;
  for await (const results of callEach(names.lists, callerOf(client, batch), options)) {
    const failed = results.find((result) => "error" in result);
    firstFailed ??= failed;
    // Other lines are about to appear on the same terminal.
    if (Deno.stdout.isTerminal() || failed !== undefined) progress?.hide();
    const wanted = await print(results);
    progress?.count(results);
    report?.count(results);
    if (!wanted) break;
  }
  client.close();
  return { failed: firstFailed, pace: pace?.report() };
}

function callerOf(client: UserClient, batch: Batch): CallOne {
  const { call, contexts } = batch;
  const wantsContext = contexts || batch.report?.summary !== undefined;
  return async ({ username, fault }: Name, tell) => {
    if (fault !== undefined) throw new NameFault(fault);
    if (!wantsContext) return await client.getUser(username, call);
    return await client.getUser(username, { ...call, onContext: tell });
  };
}

function tellLateness(pace: PaceReport | undefined): void {
  if (pace !== undefined && pace.late > 0) writeError(`usersvc call: ${lateness(pace)}`);
}

async function exitCode(
  { call: { timeoutMs }, report: wanted }: Batch,
  { failed }: Outcome,
  report: Report | undefined,
): Promise<number> {
  if (report !== undefined && !await report.isWithinLimits()) return ExitCode.FAILURE;
  // Where some calls may fail, those that did are no failure of the batch.
  if (failed === undefined || wanted?.limits.failedPercent !== undefined) return ExitCode.OK;
  return exitCodeOfStatus(describeResultError(failed.error, timeoutMs).code);
}
