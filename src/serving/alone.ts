import { ExitCode } from "../cli/exit_code.ts";
import { writeError } from "../cli/output.ts";
import { openLog } from "../log/log.ts";
import { denoFault } from "../server/deno_faults.ts";
import { ListenError } from "../server/listen.ts";
import { startServer } from "../server/server.ts";
import type { ServeOptions } from "./options.ts";
import { exitCodeOfSignal, takeStopSignals } from "./signals.ts";

/** How long the last log lines may take to be read, in milliseconds. */
const FLUSH_MS = 1_000;

/**
 * Serves in this process until SIGINT or SIGTERM, and drains then. A second signal ends it at once.
 *
 * @returns the exit code
 */
export async function serveAlone(options: ServeOptions): Promise<number> {
  const fault = denoFault(Deno.version.deno);
  if (fault !== undefined) writeError(`usersvc serve: warning: ${fault}`);
  const log = openLog();
  const signals = takeStopSignals();
  let server;
  try {
    server = await startServer(options.endpoint, log);
  } catch (error) {
    if (!(error instanceof ListenError)) throw error;
    writeError(`usersvc serve: ${error.message}`);
    return ExitCode.FAILURE;
  }
  log.listening(server.port);
  await signals.next();
  const exitCode = await Promise.race([
    server.drain(options.graceMs).then(() => ExitCode.OK),
    signals.next().then(exitCodeOfSignal),
  ]);
  await log.flush(FLUSH_MS);
  return exitCode;
}
