import { ExitCode } from "../cli/exit_code.ts";
import type { Log } from "../log/log.ts";
import type { RunningServer } from "../server/server.ts";
import { TlsError } from "../tls_error.ts";
import { drainingNotice } from "./draining.ts";

/**
 * Drains a server and tells the log.
 *
 * @param why what made it drain: `SIGTERM`
 * @returns the exit code: a failure if calls had to be cancelled
 */
export async function drainAndTell(
  server: RunningServer,
  graceMs: number,
  why: string,
  log: Log,
): Promise<number> {
  log.notice(drainingNotice(why, graceMs));
  const { cancelled } = await server.drain(graceMs);
  log.notice({
    level: cancelled === 0 ? "info" : "warn",
    event: "drained",
    message: cancelled === 0
      ? "drained, every call has finished"
      : `the grace period is over, calls cancelled: ${cancelled}`,
    fields: { cancelled },
  });
  return cancelled === 0 ? ExitCode.OK : ExitCode.FAILURE;
}

/** Reads the TLS files again and tells the log; bad files leave the old ones in use. */
export async function reloadTlsAndTell(server: RunningServer, log: Log): Promise<void> {
  try {
    await server.reloadTls();
    log.notice({
      level: "info",
      event: "tls_reloaded",
      message: "SIGHUP: new connections use the TLS files as they are now",
    });
  } catch (error) {
    if (!(error instanceof TlsError)) throw error;
    log.notice({
      level: "error",
      event: "tls_reload_failed",
      message: `SIGHUP: the TLS files in use stay: ${error.message}`,
    });
  }
}
