import { ExitCode } from "../cli/exit_code.ts";
import { writeError } from "../cli/output.ts";
import { type Log, openLog } from "../telemetry/log.ts";
import { denoFault } from "../workarounds/deno_versions.ts";
import { type Accept, acceptAll, listen, type Listener } from "../server/listen.ts";
import { type HandOver, openHandOver } from "./hand_over.ts";
import { drainAndTell, FLUSH_MS, reloadOnSighup } from "./lifecycle.ts";
import type { ServeOptions } from "./options.ts";
import { openPool, type Pool, type PoolOptions } from "./pool.ts";
import type { PoolMetrics } from "./pool_metrics.ts";
import { exitCodeOfSignal, type StopSignals, takeStopSignals } from "../cli/signals.ts";

/**
 * Serves with several worker processes until SIGINT or SIGTERM, and drains them then. A second
 * signal ends all at once.
 *
 * This process accepts the connections and hands them to the workers unread. It has no gRPC and
 * reads nothing from a peer, so nothing that a peer sends can stop it. As it holds the port, a
 * connection that comes while no worker is there waits for the next one.
 *
 * @returns the exit code
 * @throws {ListenError} if an endpoint cannot be listened on
 */
export async function serveWithWorkers(
  options: ServeOptions,
  poolOptions: PoolOptions,
): Promise<number> {
  const warning = denoFault(Deno.version.deno);
  if (warning !== undefined) writeError(`usersvc serve: warning: ${warning}`);
  const log = openLog(options.log);
  const signals = takeStopSignals();
  const handOver = openHandOver();
  try {
    const listeners = await acceptAll(acceptUnread, options.endpoints, handOver.give);
    const metrics = options.metrics && await openPoolMetrics(poolOptions.workers);
    const pool = openPool(options, poolOptions, handOver, log.notice, metrics?.observer);
    if (options.metrics) log.notice(await metrics!.serve(options.metrics, pool));
    return await supervise(listeners, pool, handOver, signals, options, log);
  } finally {
    await log.flush(FLUSH_MS);
  }
}

/** Loaded only where metrics are wanted. */
async function openPoolMetrics(workers: number): Promise<PoolMetrics> {
  return (await import("./pool_metrics.ts")).openPoolMetrics(workers);
}

/** Accepts connections without reading from them, so that a worker can. */
const acceptUnread: Accept = (endpoint, onConnection) => listen(endpoint, onConnection, true);

async function supervise(
  listeners: readonly Listener[],
  pool: Pool,
  handOver: HandOver,
  signals: StopSignals,
  options: ServeOptions,
  log: Log,
): Promise<number> {
  const stopListening = () => {
    listeners.forEach((listener) => void listener.close());
    handOver.close();
  };
  const stop = signals.next();
  const fault = await Promise.race([pool.start(), stop.then(() => undefined)]);
  if (fault !== undefined) {
    stopListening();
    writeError(`usersvc serve: ${fault}`);
    return ExitCode.FAILURE;
  }
  if (pool.isServing()) log.listening(listeners.map(({ endpoint }) => endpoint));
  reloadOnSighup(options, log, pool.reload);
  const signal = await stop;
  stopListening();
  return await Promise.race([
    drainAndTell(pool, options.graceMs, signal, log),
    signals.next().then((second) => {
      pool.kill();
      return exitCodeOfSignal(second);
    }),
  ]);
}
