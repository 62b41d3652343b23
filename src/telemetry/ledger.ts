/** What several processes have counted, in one sum. */
import {
  AggregatorRegistry,
  type MetricObjectWithValues,
  type MetricType,
  type MetricValueWithName,
} from "prom-client";

/** The metrics of one process at one time: plain values, which JSON can carry to another process. */
export type Snapshot = Omit<MetricObjectWithValues<MetricValueWithName<string>>, "collect">[];

/** What one process has counted, in a {@linkcode Ledger}. */
export interface Account {
  /**
   * Records what the process has counted. Snapshots may come late, twice, in the wrong order, or after
   * {@linkcode Account.close}: the counts of a process never decrease.
   */
  record(snapshot: Snapshot): void;
  /** The process has ended: its counters stay in the sum, its gauges leave it. */
  close(): void;
}

/** The sum of what processes have counted, those that have ended included. */
interface Ledger {
  /** Opens the account of one process; a process that replaces it needs another account. */
  open(): Account;
  /**
   * The sum of all accounts as they are now, as Prometheus text. No count is lower than in an earlier
   * text.
   *
   * @param own what the process that keeps the ledger has counted itself
   */
  text(own: Snapshot): Promise<string>;
}

/**
 * Makes a {@linkcode Ledger}. All of its changes are synchronous, so that each count is either in an
 * open account or in the sum of the closed ones, never in both or in neither.
 *
 * Counters must not decrease: Prometheus takes that for a restart from zero, and adds the whole value
 * again.
 *
 * @see https://prometheus.io/docs/prometheus/latest/querying/functions/#rate
 */
export function openLedger(): Ledger {
  const accounts = new Set<{ known: Snapshot }>();
  let ended: Snapshot = [];
  let published: Snapshot = [];
  return {
    open() {
      const account = { known: [] as Snapshot };
      accounts.add(account);
      return {
        record(snapshot) {
          account.known = merge(counts(account.known), snapshot, () => Math.max);
        },
        close() {
          if (accounts.delete(account)) ended = merge(ended, counts(account.known), together);
        },
      };
    },
    text(own) {
      const running = [...accounts].map(({ known }) => known);
      const sum = [own, ...running].reduce((sum, one) => merge(sum, one, together), ended);
      // Seconds are floating point: added in another order, their sum may be lower in its last digit.
      published = merge(counts(published), sum, () => Math.max);
      return AggregatorRegistry.aggregate([published]).metrics();
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

/** The metrics of a supervisor: how often it has replaced each worker. */
interface RestartMetrics {
  /** A worker was replaced, whatever the reason. */
  restarted(worker: number): void;
  /** The metrics as they are now. */
  snapshot(): Snapshot;
}

/**
 * Counts the restarts of each worker.
 *
 * @param workers the numbers of all workers; the count of each starts at 0
 */
export function restartMetrics(workers: readonly number[]): RestartMetrics {
  const restarts = new Map(workers.map((worker) => [worker, 0]));
  return {
    restarted: (worker) => void restarts.set(worker, (restarts.get(worker) ?? 0) + 1),
    // Not made with prom-client, whose snapshots are asynchronous, while the sum must be synchronous.
    snapshot: () => [{
      name: "usersvc_worker_restarts_total",
      help: "How often a worker was replaced.",
      type: "counter" as unknown as MetricType,
      aggregator: "sum",
      values: [...restarts].map(([worker, value]) => ({ labels: { worker }, value })),
    }],
  };
}
