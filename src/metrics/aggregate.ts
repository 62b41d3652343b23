import { AggregatorRegistry, type MetricObjectWithValues, type MetricValue } from "prom-client";

/** The metrics of one process at one time: plain values, which JSON can carry to another process. */
export type Snapshot = MetricObjectWithValues<MetricValue<string>>[];

/** The sum of the metrics of several processes, as Prometheus text. */
export function aggregate(snapshots: readonly Snapshot[]): Promise<string> {
  return AggregatorRegistry.aggregate([...snapshots]).metrics();
}

/** The sum of processes that come and go. */
export interface Totals {
  /** Keeps what a process has counted until its end; what it gauged has ended with it. */
  retire(last: Snapshot): void;
  /** The sum of those that were retired and those that run, as Prometheus text. */
  text(running: readonly Snapshot[]): Promise<string>;
}

/**
 * Sums processes that come and go without losing counts: a counter that goes down is taken for a
 * restart from zero by Prometheus, which then counts everything before it again.
 *
 * A process that is killed is retired with the last snapshot that was taken of it, so that at least
 * no count that was published is taken back.
 */
export function keepTotals(): Totals {
  let retired: Promise<Snapshot> = Promise.resolve([]);
  return {
    retire(last) {
      const counts = last.filter(({ type }) => String(type) !== "gauge");
      retired = retired.then((before) =>
        AggregatorRegistry.aggregate([before, counts]).getMetricsAsJSON()
      );
    },
    text: async (running) => await aggregate([await retired, ...running]),
  };
}
