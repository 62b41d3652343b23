import { ExitCode } from "../cli/exit_code.ts";
import { writeError } from "../cli/output.ts";
import { type Log, openLog } from "../log/log.ts";
import { denoFault } from "../server/deno_faults.ts";
import { listen, type Listener, ListenError } from "../server/listen.ts";
import { openHandOver } from "./hand_over.ts";
import type { ServeOptions } from "./options.ts";
import { openPool, type Pool, type PoolOptions } from "./pool.ts";
import { exitCodeOfSignal, takeStopSignals } from "./signals.ts";

/** How long the last log lines may take to be read, in milliseconds. */
const FLUSH_MS = 1_000;

/**
 * Serves with several worker processes until SIGINT or SIGTERM, and drains them then. A second
 * signal ends all at once.
 *
 * This process accepts the connections and hands them to the workers unread. It has no gRPC and
 * reads nothing from a peer, so nothing that a peer sends can stop it. As it holds the port, a
 * connection that comes while no worker is there waits for the next one.
 *
 * @returns the exit code
 */
export async function serveWithWorkers(
  options: ServeOptions,
  poolOptions: PoolOptions,
): Promise<number> {
  const fault = denoFault(Deno.version.deno);
  if (fault !== undefined) writeError(`usersvc serve: warning: ${fault}`);
  const log = openLog();
  const signals = takeStopSignals();
  const handOver = openHandOver();
  let listener;
  try {
    listener = await listen(options.endpoint, handOver.give, true);
  } catch (error) {
    if (!(error instanceof ListenError)) throw error;
    writeError(`usersvc serve: ${error.message}`);
    return ExitCode.FAILURE;
  }
  const pool = openPool(options, poolOptions, handOver, log.notice);
  const firstSignal = signals.next();
  const fate = await Promise.race([pool.start(), firstSignal.then(() => undefined)]);
  if (fate !== undefined) {
    writeError(`usersvc serve: no worker can start: ${fate}`);
    return ExitCode.FAILURE;
  }
  if (pool.list().length > 0) log.listening(listener.port);
  await firstSignal;
  const exitCode = await Promise.race([
    drain(listener, pool, options.graceMs, log).finally(handOver.close),
    signals.next().then((signal) => {
      pool.kill();
      return exitCodeOfSignal(signal);
    }),
  ]);
  await log.flush(FLUSH_MS);
  return exitCode;
}

async function drain(
  listener: Listener,
  pool: Pool,
  graceMs: number,
  log: Log,
): Promise<number> {
  log.notice({ level: "info", event: "draining", message: "draining" });
  void listener.close();
  const { cancelled, died } = await pool.drain(graceMs);
  const clean = cancelled === 0 && died === 0;
  log.notice({
    level: clean ? "info" : "warn",
    event: "drained",
    message: clean
      ? "drained"
      : `drained; calls cancelled: ${cancelled}, workers that died: ${died}`,
    fields: { cancelled, died },
  });
  return clean ? ExitCode.OK : ExitCode.FAILURE;
}
