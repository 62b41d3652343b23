/** How the calls of a batch with a rate were begun. */
export interface PaceReport {
  /** How many were begun; some may not have ended. */
  readonly calls: number;
  /** The rate that was asked for, in calls per second. */
  readonly asked: number;
  /** The rate from the first call to the last one; undefined for fewer than two. */
  readonly begun: number | undefined;
  /** How many calls were begun more than {@linkcode LATE_MS} after their time. */
  readonly late: number;
}

/**
 * The times at which the calls of a batch are to begin, evenly spaced, whatever the answers take. All
 * times are those of `performance.now()`, in milliseconds.
 */
export interface Pace {
  /** When the next call is to begin. */
  readonly dueMs: number;
  /**
   * Postpones the next call, and all after it, by the time in which it was due and had no name: it is not
   * late then.
   *
   * @param askedMs when the names that have come now were asked for
   */
  namesCame(askedMs: number): void;
  /** Takes note that the next call begins now, and returns from when its latency counts. */
  begin(): number;
  report(): PaceReport;
}

/** From when on a call is late, in milliseconds; what is less is in its latency all the same. */
const LATE_MS = 100;

/** Sets the times for so many calls per second, the first of them now. */
export function setPace(perSecond: number): Pace {
  let dueMs = performance.now();
  let begun = 0, late = 0, firstMs = 0, lastMs = 0;
  return {
    get dueMs() {
      return dueMs;
    },
    namesCame(askedMs) {
      dueMs += Math.max(0, performance.now() - Math.max(askedMs, dueMs));
    },
    begin() {
      const nowMs = performance.now();
      const intendedMs = dueMs;
      dueMs += 1_000 / perSecond;
      if (begun++ === 0) firstMs = nowMs;
      lastMs = nowMs;
      if (nowMs - intendedMs > LATE_MS) late++;
      return Math.min(nowMs, intendedMs);
    },
    report: () => ({
      calls: begun,
      asked: perSecond,
      begun: begun > 1 ? (begun - 1) * 1_000 / (lastMs - firstMs) : undefined,
      late,
    }),
  };
}

/** `12 of 3000 calls were begun more than 100 ms late`. */
export function lateness({ late, calls }: PaceReport): string {
  return `${late} of ${calls} calls were begun more than ${LATE_MS} ms late`;
}
