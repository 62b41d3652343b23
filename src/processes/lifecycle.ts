/** What one process that serves and a supervisor share: options, drain, reload of files. */
import { ExitCode, exitCodeOfSignal, type StopSignals, takeStopSignals } from "../cli/exit.ts";
import type { Log } from "../telemetry/log.ts";
import type { LogFormat } from "../telemetry/log_format.ts";
import type { TcpEndpoint } from "../contract/endpoint.ts";
import type { RunningServer, ServerOptions } from "../server/server.ts";
import { ExpectedError } from "../text/errors.ts";
import {
  draining,
  type DrainOutcome,
  drainOutcome,
  endedAtOnce,
  filesStay,
  isClean,
  reloaded,
  type ReloadedFiles,
  reloadFailed,
} from "./notices.ts";

/**
 * What `usersvc serve` was asked for. Plain values only: the supervisor sends it to its workers as
 * JSON.
 */
export interface ServeOptions extends ServerOptions {
  /** How long calls in flight may take once the server drains, in milliseconds. */
  readonly graceMs: number;
  /** The format of the log. */
  readonly log: LogFormat;
  /** Where to serve metrics; absent for none. */
  readonly metrics?: TcpEndpoint;
}

/** How long the last log lines of a process may take to be read, in milliseconds. */
export const FLUSH_MS = 1_000;

/** A server or a pool of workers that can be drained. */
interface Drainable {
  drain(graceMs: number): Promise<DrainOutcome>;
}

/**
 * Takes over the signals that ask a server to stop: SIGHUP too, which a closing terminal sends, unless
 * the server has files that it reads again then.
 */
export function takeServerSignals(options: ServeOptions): StopSignals {
  return takeStopSignals(readsAgain(options) || Deno.build.os === "windows" ? [] : ["SIGHUP"]);
}

function readsAgain({ tls, faults: { answers } }: ServeOptions): boolean {
  return tls !== undefined || answers !== undefined;
}

/**
 * Drains after a signal. Another signal ends at once what is left of it, and the log says what it cut.
 *
 * @param server `end` ends it, as far as the end of this process does not, and tells what that cuts
 * @returns the exit code
 */
export async function drainUnlessEnded(
  server: Drainable & { end(): Promise<Parameters<typeof endedAtOnce>[1]> },
  graceMs: number,
  signal: Deno.Signal,
  signals: StopSignals,
  log: Log,
): Promise<number> {
  let isEnded = false;
  const ended = signals.next().then(async (second) => {
    isEnded = true;
    log.notice(endedAtOnce(second, await server.end()));
    return exitCodeOfSignal(second);
  });
  // A drain that is over because it was ended has nothing to tell.
  const notice: Log["notice"] = (one) => isEnded || log.notice(one);
  const drained = drainAndTell(server, graceMs, signal, { notice });
  return await Promise.race([drained.then((code) => isEnded ? ended : code), ended]);
}

/**
 * Drains a server or a pool of workers and tells the log.
 *
 * @param why what made it drain: `SIGTERM`
 * @returns the exit code: a failure if calls had to be cancelled or workers died
 */
export async function drainAndTell(
  server: Drainable,
  graceMs: number,
  why: string,
  log: Pick<Log, "notice">,
): Promise<number> {
  log.notice(draining(why, graceMs));
  const outcome = await server.drain(graceMs);
  log.notice(drainOutcome(outcome));
  return isClean(outcome) ? ExitCode.OK : ExitCode.FAILURE;
}

/**
 * Reloads the TLS files and the file of answers on each SIGHUP, and tells the log.
 *
 * @param reload reads files again; returns what did not go well
 */
export function reloadOnSighup(
  options: ServeOptions,
  log: Log,
  reload: (what: ReloadedFiles) => Promise<Iterable<string>>,
): void {
  // On Windows SIGHUP means that the console is closing.
  if (Deno.build.os === "windows" || !readsAgain(options)) return;
  const { tls, faults: { answers } } = options;
  const reloadAndTell = async (what: ReloadedFiles) => {
    const faults = [...await reload(what)];
    if (faults.length === 0) return log.notice(reloaded(what));
    for (const fault of faults) log.notice(reloadFailed(what, fault));
  };
  Deno.addSignalListener("SIGHUP", async () => {
    if (tls !== undefined) await reloadAndTell("tls");
    if (answers !== undefined) await reloadAndTell("answers");
  });
}

/**
 * Reads files again, for the connections or calls to come.
 *
 * @returns what did not go well; empty if they were read
 */
export async function reloadFiles(server: RunningServer, what: ReloadedFiles): Promise<string[]> {
  try {
    await (what === "tls" ? server.reloadTls() : server.reloadAnswers());
    return [];
  } catch (error) {
    if (!(error instanceof ExpectedError)) throw error;
    return [filesStay(what, error.message)];
  }
}
