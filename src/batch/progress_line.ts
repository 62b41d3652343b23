// @ts-types="@types/cli-progress"
import cliProgress, { type Options, type Params } from "cli-progress";
import { formatCount } from "../text/amounts.ts";
import { sayNow, writeError } from "../cli/output.ts";
import { formatMs, type Latencies, recordLatencies } from "./latencies.ts";
import { fitted, isDumbTerminal, terminalColumns } from "../cli/terminal.ts";

/** How far a batch is. */
export interface Tally {
  /** How many calls have ended. */
  done: number;
  /** How many of them have failed. */
  failed: number;
  /** How many there are in all, where that is known; it may be an estimate. */
  readonly total: number | undefined;
  /** How long calls begin, in milliseconds, where not their number is the end of the batch. */
  readonly durationMs?: number;
  /** Since the start of the batch, in milliseconds. */
  readonly elapsedMs: number;
}

/** A line at the bottom of a terminal. It is not in progress.ts: short batches load no libraries. */
export interface ProgressLine {
  /** Takes the latency of a call, in milliseconds. */
  record(latencyMs: number): void;
  /** Shows it. */
  show(): void;
  /** Clears it until the next update. */
  hide(): void;
  /** Draws it with the current tally. */
  update(): void;
  /** Clears it, or replaces it with the summary. */
  end(): void;
}

const CLEAR_LINE = "\r\x1b[K";
const SAVE_CURSOR = "\x1b7", RESTORE_CURSOR = "\x1b8";

/** The width of a terminal that does not tell it. */
const COLUMNS = 80;

/**
 * Makes a line that is not shown yet.
 *
 * @param hasSummary whether a summary stands at the end
 */
export function openProgressLine(tally: Tally, hasSummary: boolean): ProgressLine {
  const latencies = recordLatencies(2);
  const drawn = isDumbTerminal() ? NOTHING_DRAWN : drawLine(tally);
  return {
    ...drawn,
    record: latencies.record,
    end() {
      drawn.end();
      if (!hasSummary) return;
      writeError(fitted(`usersvc call: ${summary(tally)}${percentiles(latencies)}`));
    },
  };
}

type DrawnLine = Omit<ProgressLine, "record">;

const NOTHING_DRAWN: DrawnLine = { show() {}, hide() {}, update() {}, end() {} };

function drawLine(tally: Tally): DrawnLine {
  const bar = new cliProgress.SingleBar({
    stream: terminal(),
    format: (options, params) => progressText(tally, params, options),
    barsize: 20,
    clearOnComplete: true,
    forceRedraw: true,
    // Otherwise wrapping is off while the line is shown, and stays off if the process is killed.
    linewrap: true,
  });
  let hidden = false;
  return {
    show: () => bar.start(0, 0),
    hide() {
      sayNow(CLEAR_LINE);
      hidden = true;
    },
    update() {
      bar.update(tally.done);
      if (hidden) bar.render();
      hidden = false;
    },
    end: () => bar.stop(),
  };
}

/** `[=====-----] 500 of 1000 calls, 3 failed, 250/s, 2s left`, without what does not fit. */
function progressText(
  tally: Tally,
  { maxWidth }: Params,
  options: Options,
): string {
  const { done, failed, total, elapsedMs } = tally;
  const perSecond = done / elapsedMs * 1_000;
  const counts = total === undefined ? `${done} calls` : `${done} of ${total} calls`;
  const failures = `${counts}, ${failed} failed`;
  const rate = `${failures}, ${Math.round(perSecond)}/s`;
  const all = [rate, failures, counts, `${done}`];
  const way = wayOf(tally);
  if (way !== undefined) {
    const { BarFormat, TimeFormat } = cliProgress.Format;
    const seconds = Math.max(0, Math.ceil(way.leftMs / 1_000));
    if (done > 0) all.unshift(`${rate}, ${TimeFormat(seconds, options, 1)} left`);
    all.unshift(`[${BarFormat(way.share, options)}] ${all[0]}`);
  }
  return all.find(({ length }) => length <= maxWidth) ?? "";
}

/**
 * Which share of a batch is done, and how long the rest will take; undefined where its end is not known.
 * It is not the share of cli-progress, which also draws on its own, with a total that may have changed.
 */
function wayOf(
  { done, total, durationMs, elapsedMs }: Tally,
): { readonly share: number; readonly leftMs: number } | undefined {
  if (durationMs !== undefined) {
    return { share: Math.min(1, elapsedMs / durationMs), leftMs: durationMs - elapsedMs };
  }
  if (total === undefined) return undefined;
  const share = total === 0 ? 1 : Math.min(1, done / total);
  return { share, leftMs: (total - done) * elapsedMs / done };
}

/** `1000 calls in 4.0 s, 3 failed`. */
function summary({ done, failed, elapsedMs }: Tally): string {
  return `${formatCount(done, "call")} in ${(elapsedMs / 1_000).toFixed(1)} s, ${failed} failed`;
}

/** `; latency p50 3.21 ms, p95 5.0 ms, p99 8.1 ms`, or nothing if no call was answered. */
function percentiles(latencies: Latencies): string {
  if (latencies.count === 0) return "";
  const texts = [50, 95, 99].map((percent) =>
    `p${percent} ${formatMs(latencies.percentile(percent))}`
  );
  return `; latency ${texts.join(", ")}`;
}

/**
 * Stderr for cli-progress, without its codes that save and restore the cursor: where stdout is the same
 * terminal, results stand by the end where the cursor was at the start.
 */
function terminal(): NodeJS.WritableStream {
  const stream = {
    isTTY: true,
    // Terminals differ in where the cursor is after the last column: it stays empty.
    get columns() {
      return Math.max(1, (terminalColumns() ?? COLUMNS) - 1);
    },
    write(text: string) {
      if (text !== SAVE_CURSOR && text !== RESTORE_CURSOR) sayNow(text);
      return true;
    },
  };
  return stream as unknown as NodeJS.WritableStream;
}
