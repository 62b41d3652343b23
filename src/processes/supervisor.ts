import type { TcpEndpoint } from "../contract/endpoint.ts";
import { type Accept, acceptAll, listen } from "../server/connection/listen.ts";
import { openLog } from "../telemetry/log.ts";
import type { ChildCommand } from "./child_command.ts";
import { openHandOver } from "./hand_over.ts";
import { turnHealthOnSigusr2 } from "./health_signal.ts";
import { drainUnlessEnded, FLUSH_MS, type ServeOptions, takeStopRequests } from "./lifecycle.ts";
import { openPool, type Pool, type PoolOptions } from "./pool.ts";
import { reloadOnSighup } from "./reload.ts";

/**
 * Serves with several worker processes until it is asked to stop, then drains them. A second
 * signal ends all of them at once.
 *
 * This process accepts the connections and hands them to the workers unread. It loads no gRPC and
 * reads nothing from a peer, so nothing that a peer sends can stop it. It keeps the port open while
 * workers are replaced: a connection that arrives without a worker waits for the next one.
 *
 * @param command runs meanwhile; its end asks the server to stop
 * @returns the exit code
 * @throws {ListenError} if an endpoint cannot be listened on
 * @throws {ExpectedError} if the workers cannot start
 * @throws {OutputError} if stdout does not take where the server listens
 */
export async function serveWithWorkers(
  options: ServeOptions,
  poolOptions: PoolOptions,
  command?: ChildCommand,
): Promise<number> {
  const log = openLog(options.log, { onStderr: options.hasCommand });
  const stop = command ?? takeStopRequests(options);
  const handOver = openHandOver();
  const listeners = await acceptAll(acceptUnread, options.endpoints, handOver.give);
  const stopListening = () => {
    const closed = listeners.map((listener) => listener.close());
    handOver.close();
    return Promise.all(closed);
  };
  const metrics = options.metrics && await openPoolMetrics(poolOptions.workers);
  const pool = openPool(options, poolOptions, handOver, log.notice, metrics?.all);
  turnHealthOnSigusr2(options.health, pool.setHealth, log.notice);
  try {
    if (options.metrics) log.notice(await metrics!.serve(options.metrics, pool));
    const serves = pool.start().then(() => true);
    const hasStarted = await Promise.race([serves, stop.first.then(() => false)]);
    reloadOnSighup(options, pool.reload, log.notice);
    if (hasStarted) {
      const endpoints = listeners.map(({ endpoint }) => endpoint);
      await log.announce(endpoints, FLUSH_MS);
      command?.start(endpoints, log.notice);
    }
    await stop.first;
    void stopListening();
    const exitCode = await drainUnlessEnded(pool, options.graceMs, stop, log);
    return command?.exitCode() ?? exitCode;
  } catch (error) {
    await Promise.all([stopListening(), pool.end()]);
    throw error;
  } finally {
    await log.flush(FLUSH_MS);
  }
}

/** Sums and serves the metrics of the workers; what it needs is loaded only where they are wanted. */
async function openPoolMetrics(workers: number) {
  const [{ poolMetrics }, { serveMetrics }] = await Promise.all([
    import("../telemetry/pool_metrics.ts"),
    import("../telemetry/metrics_server.ts"),
  ]);
  const all = poolMetrics(workers);
  const serve = (endpoint: TcpEndpoint, pool: Pool) =>
    serveMetrics(endpoint, async () => {
      await pool.count();
      return await all.text();
    });
  return { all, serve };
}

/** Accepts connections without reading from them, so that a worker can. */
const acceptUnread: Accept = (endpoint, onConnection) => listen(endpoint, onConnection, true);
