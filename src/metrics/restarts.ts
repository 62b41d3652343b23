import { Counter, Registry } from "prom-client";
import type { Snapshot } from "./aggregate.ts";

/** The metrics of a supervisor: which workers it had to start again. */
export interface RestartMetrics {
  /** A worker was replaced, whatever the reason. */
  restarted(worker: number): void;
  /** The metrics as they are now. */
  snapshot(): Promise<Snapshot>;
}

/**
 * Counts the restarts of each worker.
 *
 * @param workers the numbers of all workers, which are counted from 0 on
 */
export function restartMetrics(workers: readonly number[]): RestartMetrics {
  const registry = new Registry();
  const restarts = new Counter({
    name: "usersvc_worker_restarts_total",
    help: "How often a worker was replaced.",
    labelNames: ["worker"],
    registers: [registry],
  });
  for (const worker of workers) restarts.inc({ worker }, 0);
  return {
    restarted: (worker) => restarts.inc({ worker }),
    snapshot: () => registry.getMetricsAsJSON(),
  };
}
