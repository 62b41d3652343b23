/** What several measurements of one figure say. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/**
 * Sums up measurements; the median of an even number of them is the mean of the two in the middle.
 *
 * @throws {RangeError} if there are none
 */
export function summarize(values: readonly number[]): Summary {
  if (values.length === 0) throw new RangeError("no values to sum up");
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return {
    median: (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2,
    min: sorted[0]!,
    max: sorted.at(-1)!,
  };
}

/**
 * The smallest value that a share of all values does not exceed (the nearest rank).
 *
 * @param share over 0 and up to 1: 0.99 for p99
 * @throws {RangeError} if there are no values
 */
export function percentile(values: readonly number[], share: number): number {
  if (values.length === 0) throw new RangeError("no values to rank");
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.ceil(share * sorted.length) - 1]!;
}

/** Sums up each figure of records that have the same ones. */
export function summarizeEach<K extends string>(
  records: readonly Readonly<Record<K, number>>[],
): Record<K, Summary> {
  const names = Object.keys(records[0] ?? {}) as K[];
  return Object.fromEntries(
    names.map((name) => [name, summarize(records.map((record) => record[name]))]),
  ) as Record<K, Summary>;
}
