import type { MetricType } from "prom-client";
import type { Snapshot } from "./snapshots.ts";

/** The metrics of a supervisor: which workers it had to start again. */
export interface RestartMetrics {
  /** A worker was replaced, whatever the reason. */
  restarted(worker: number): void;
  /** The metrics as they are now. */
  snapshot(): Snapshot;
}

/**
 * Counts the restarts of each worker.
 *
 * @param workers the numbers of all workers, which are counted from 0 on
 */
export function restartMetrics(workers: readonly number[]): RestartMetrics {
  const restarts = new Map(workers.map((worker) => [worker, 0]));
  return {
    restarted: (worker) => void restarts.set(worker, (restarts.get(worker) ?? 0) + 1),
    // Not kept by prom-client, which makes its snapshots in the course of other work.
    snapshot: () => [{
      name: "usersvc_worker_restarts_total",
      help: "How often a worker was replaced.",
      type: "counter" as unknown as MetricType,
      aggregator: "sum",
      values: [...restarts].map(([worker, value]) => ({ labels: { worker }, value })),
    }],
  };
}
