/** What one process that serves and a supervisor share: options, drain, reload of the TLS files. */
import { ExitCode } from "../cli/exit.ts";
import type { Log } from "../telemetry/log.ts";
import type { LogFormat } from "../telemetry/log_format.ts";
import type { TcpEndpoint } from "../server/listen.ts";
import type { RunningServer, ServerOptions } from "../server/server.ts";
import { TlsError } from "../contract/tls_error.ts";
import {
  draining,
  type DrainOutcome,
  drainOutcome,
  isClean,
  tlsFilesStay,
  tlsReloaded,
  tlsReloadFailed,
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

/**
 * Drains a server or a pool of workers and tells the log.
 *
 * @param why what made it drain: `SIGTERM`
 * @returns the exit code: a failure if calls had to be cancelled or workers died
 */
export async function drainAndTell(
  server: { drain(graceMs: number): Promise<DrainOutcome> },
  graceMs: number,
  why: string,
  log: Log,
): Promise<number> {
  log.notice(draining(why, graceMs));
  const outcome = await server.drain(graceMs);
  log.notice(drainOutcome(outcome));
  return isClean(outcome) ? ExitCode.OK : ExitCode.FAILURE;
}

/**
 * Reloads the TLS files on each SIGHUP, and tells the log.
 *
 * @param reload reads the files again; returns what did not go well
 */
export function reloadOnSighup(
  { tls }: ServeOptions,
  log: Log,
  reload: () => Promise<Iterable<string>>,
): void {
  // On Windows SIGHUP means that the console is closing.
  if (Deno.build.os === "windows") return;
  Deno.addSignalListener("SIGHUP", async () => {
    if (tls === undefined) {
      return log.notice(tlsReloadFailed("there are no TLS files to read again", "warn"));
    }
    const faults = [...await reload()];
    if (faults.length === 0) return log.notice(tlsReloaded("new connections use"));
    for (const fault of faults) log.notice(tlsReloadFailed(fault, "error"));
  });
}

/**
 * Reads the TLS files again, for the connections to come.
 *
 * @returns what did not go well; empty if they were read
 */
export async function reloadTls(server: RunningServer): Promise<string[]> {
  try {
    await server.reloadTls();
    return [];
  } catch (error) {
    if (!(error instanceof TlsError)) throw error;
    return [tlsFilesStay(error.message)];
  }
}
