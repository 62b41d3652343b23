import { say } from "../cli/output.ts";
import { excess, type Limits } from "./limits.ts";
import { startMeasurement } from "./measurement.ts";
import type { PaceReport } from "./pace.ts";
import type { CallResult } from "./scheduler.ts";
import { type SummaryForm, summaryOf } from "./summary.ts";

/** What is wanted of a batch as a whole. */
export interface ReportOptions {
  /** In which form it has a summary; absent: in none. */
  readonly summary?: SummaryForm;
  readonly limits: Limits;
}

/** What is told of a batch as a whole. */
export interface Report {
  /** Takes calls that have ended. */
  count(results: readonly CallResult[]): void;
  /** Prints the summary on stderr. */
  summarize(pace: PaceReport | undefined): Promise<void>;
  /** Whether the batch was within its limits; if not, a line on stderr says what was measured. */
  isWithinLimits(): Promise<boolean>;
}

/**
 * Starts to measure. It is a file of its own, since most batches load no library for it.
 *
 * @param timeoutMs the deadline that the calls have, in milliseconds
 */
export function startReport({ summary, limits }: ReportOptions, timeoutMs: number): Report {
  const { measured, count } = startMeasurement(timeoutMs);
  return {
    count,
    async summarize(pace) {
      if (summary !== undefined) await say(summaryOf(summary, measured, pace));
    },
    async isWithinLimits() {
      const fault = excess(measured, limits);
      if (fault === undefined) return true;
      await say(`usersvc call: ${fault}\n`);
      return false;
    },
  };
}
