/** The metrics of a supervisor: what its workers have counted, in one sum, and how often they were replaced. */
import {
  AggregatorRegistry,
  Counter,
  type MetricObjectWithValues,
  type MetricValueWithName,
  Registry,
} from "prom-client";

/** The metrics of one process at one time: plain values, which JSON can carry to another process. */
export type Snapshot = Omit<MetricObjectWithValues<MetricValueWithName<string>>, "collect">[];

/** What one worker process has counted. */
export interface WorkerMetrics {
  /**
   * Records what the process has counted. Snapshots may come late, twice, in the wrong order, or after
   * {@linkcode WorkerMetrics.close}: the counts of a process never decrease.
   */
  record(snapshot: Snapshot): void;
  /** The process has ended: its counters stay in the sum, its gauges leave it. */
  close(): void;
}

/** What all workers have counted, those that have ended included. */
export interface PoolMetrics {
  /** A worker process starts, also one that replaces another. */
  open(): WorkerMetrics;
  /** A worker was replaced, whatever the reason. */
  replaced(worker: number): void;
  /** The sum as it is now, as Prometheus text. No count is lower than in an earlier text. */
  text(): Promise<string>;
}

/**
 * Makes {@linkcode PoolMetrics}. Each count is either of a process that runs or in the sum of those that
 * have ended, never in both or in neither: what moves it there, and what adds up all, is synchronous.
 *
 * Counters must not decrease: Prometheus takes that for a restart from zero, and adds the whole value
 * again.
 *
 * @param workers how many there are, numbered from 1 up
 * @see https://prometheus.io/docs/prometheus/latest/querying/functions/#rate
 */
export function poolMetrics(workers: number): PoolMetrics {
  const registry = new Registry();
  const restarts = new Counter({
    name: "usersvc_worker_restarts_total",
    help: "How often a worker was replaced.",
    labelNames: ["worker"],
    registers: [registry],
  });
  for (let worker = 1; worker <= workers; worker++) restarts.inc({ worker }, 0);
  const running = new Set<{ known: Snapshot }>();
  let ended: Snapshot = [];
  let published: Snapshot = [];
  return {
    open() {
      const process = { known: [] as Snapshot };
      running.add(process);
      return {
        record(snapshot) {
          process.known = merge(counts(process.known), snapshot, () => Math.max);
        },
        close() {
          if (running.delete(process)) ended = merge(ended, counts(process.known), together);
        },
      };
    },
    replaced: (worker) => restarts.inc({ worker }),
    async text() {
      const own: Snapshot = await registry.getMetricsAsJSON();
      const sum = [own, ...[...running].map(({ known }) => known)]
        .reduce((sum, one) => merge(sum, one, together), ended);
      // Seconds are floating point: added in another order, their sum may be lower in its last digit.
      published = merge(counts(published), sum, () => Math.max);
      return await AggregatorRegistry.aggregate([published]).metrics();
    },
  };
}

/** What a metric of several processes is: their sum, unless the metric says otherwise. */
function together({ aggregator }: Snapshot[number]): (a: number, b: number) => number {
  return aggregator === "max" ? Math.max : (a, b) => a + b;
}

/** The metrics that never decrease: counters and histograms. */
function counts(snapshot: Snapshot): Snapshot {
  return snapshot.filter(({ type }) => String(type) !== "gauge");
}

/** The series of both snapshots; `combine` says how one value is made of two of the same series. */
function merge(
  first: Snapshot,
  second: Snapshot,
  combine: (metric: Snapshot[number]) => (a: number, b: number) => number,
): Snapshot {
  const metrics = new Map(first.map((metric) => [metric.name, metric]));
  for (const metric of second) {
    const join = combine(metric);
    const values = new Map(metrics.get(metric.name)?.values.map((one) => [seriesOf(one), one]));
    for (const one of metric.values) {
      const other = values.get(seriesOf(one));
      values.set(seriesOf(one), other ? { ...one, value: join(other.value, one.value) } : one);
    }
    metrics.set(metric.name, { ...metric, values: [...values.values()] });
  }
  return [...metrics.values()];
}

/** What tells the values of one metric apart: its labels, and the part of a histogram. */
function seriesOf({ metricName, labels }: Snapshot[number]["values"][number]): string {
  const sorted = Object.entries(labels).sort(([a], [b]) => a < b ? -1 : 1);
  return JSON.stringify([metricName, sorted]);
}
