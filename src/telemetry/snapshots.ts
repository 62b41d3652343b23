import {
  AggregatorRegistry,
  type MetricObjectWithValues,
  type MetricValueWithName,
} from "prom-client";

/** The metrics of one process at one time: plain values, which JSON can carry to another process. */
export type Snapshot = Omit<MetricObjectWithValues<MetricValueWithName<string>>, "collect">[];

/** The sum of the metrics of several processes, as Prometheus text. */
export function aggregate(snapshots: readonly Snapshot[]): Promise<string> {
  return AggregatorRegistry.aggregate([...snapshots]).metrics();
}
