import { serveMetrics } from "../telemetry/metrics_server.ts";
import { openLedger, restartMetrics } from "../telemetry/ledger.ts";
import type { Notice } from "../server/events.ts";
import type { TcpEndpoint } from "../server/listen.ts";
import type { Pool, PoolObserver } from "./pool.ts";

/** The metrics of all workers, summed by the supervisor. */
export interface PoolMetrics {
  /** To be told what becomes of the workers. */
  readonly observer: PoolObserver;
  /**
   * Serves the sum over HTTP.
   *
   * @returns what to tell the log
   * @throws {ListenError} if the address cannot be listened on
   */
  serve(endpoint: TcpEndpoint, pool: Pool): Promise<Notice>;
}

/**
 * Begins to count.
 *
 * @param workers how many workers there are; they are numbered from 1
 */
export function openPoolMetrics(workers: number): PoolMetrics {
  const ledger = openLedger();
  const restarts = restartMetrics(Array.from({ length: workers }, (_, index) => index + 1));
  return {
    observer: { replaced: restarts.restarted, open: ledger.open },
    serve: (endpoint, pool) =>
      serveMetrics(endpoint, async () => {
        await pool.count();
        return await ledger.text(restarts.snapshot());
      }),
  };
}
