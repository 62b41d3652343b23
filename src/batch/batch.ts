import { writeError } from "../cli/output.ts";
import { ExitCode, exitCodeOfSignal, takeStopSignals } from "../cli/exit.ts";
import type { Connection } from "../client/connection.ts";
import { type CallOptions, openUserClient, type UserClient } from "../client/user_client.ts";
import { exitCodeOfStatus } from "../contract/status_codes.ts";
import { listNames, type Name, type Names, NamesError, openNames } from "./names.ts";
import { type Progress, startProgress } from "./progress.ts";
import { describeResultError, NameFault, resultPrinter } from "./results.ts";
import { callEach, type CallResult } from "./scheduler.ts";

/** What to call, and how to print the results. */
export interface Batch {
  readonly connection: Connection;
  /** The names, or the file that has them. */
  readonly names: readonly string[] | NamesFile;
  /** How each call is made. */
  readonly call: CallOptions;
  /** How many calls are in flight at most. */
  readonly concurrency: number;
  /** Whether to stop at the first failed call. */
  readonly failFast: boolean;
  /** Whether stdout takes a JSON object for each name, or messages with the failures on stderr. */
  readonly json: boolean;
  /** Whether to show progress once the batch has lasted a second. */
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
 * @throws {TlsError} if a TLS file cannot be used
 */
export async function callNames(batch: Batch): Promise<number> {
  const stopping = new AbortController();
  let stopped: Deno.Signal | undefined;
  let progress: Progress | undefined;
  onStopSignals((signal) => {
    stopped = signal;
    stopping.abort();
  }, () => progress?.end());
  try {
    const names = "path" in batch.names
      ? await openNames(batch.names.path)
      : listNames(batch.names);
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

/** @param beforeExit is called at the second signal, which ends the process */
function onStopSignals(first: (signal: Deno.Signal) => void, beforeExit: () => void): void {
  const signals = takeStopSignals();
  signals.next().then(first).then(signals.next).then((signal) => {
    beforeExit();
    Deno.exit(exitCodeOfSignal(signal));
  });
}

/** @returns the exit code: that of the first call that failed */
async function printEach(
  { connection, call, concurrency, failFast, json }: Batch,
  names: Names,
  signal: AbortSignal,
  progress: Progress | undefined,
): Promise<number> {
  const client = await openUserClient(connection, { manyCalls: true });
  const callOne = (name: Name) => callName(client, name, call);
  const print = resultPrinter(json, call.timeoutMs, connection.target.name);
  let firstFailed: CallResult & { error: unknown } | undefined;
  for await (const results of callEach(names.lists, callOne, { concurrency, failFast, signal })) {
    const failed = results.find((result) => "error" in result);
    firstFailed ??= failed;
    // Other lines are about to appear on the same terminal.
    if (Deno.stdout.isTerminal() || failed !== undefined) progress?.hide();
    const wanted = await print(results);
    progress?.count(results);
    if (!wanted) break;
  }
  client.close();
  if (firstFailed === undefined) return ExitCode.OK;
  return exitCodeOfStatus(describeResultError(firstFailed.error, call.timeoutMs).code);
}

async function callName(
  client: UserClient,
  { username, fault }: Name,
  options: CallOptions,
): Promise<string> {
  if (fault !== undefined) throw new NameFault(fault);
  return await client.getUser(username, options);
}
