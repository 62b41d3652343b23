import { ExitCode } from "../cli/exit_code.ts";
import type { Log } from "../telemetry/log.ts";
import type { RunningServer } from "../server/server.ts";
import { TlsError } from "../contract/tls_error.ts";
import { drainingNotice } from "./draining.ts";
import { filesStay } from "./reload.ts";

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
    return [filesStay(error.message)];
  }
}
