/** The line of a progress. It is a file of its own, since short batches do not load the library. */
// @ts-types="@types/cli-progress"
import cliProgress, { type Options } from "cli-progress";
import { sayNow } from "../cli/output.ts";
import { terminalColumns } from "../cli/terminal.ts";
import type { Tally } from "./tally.ts";

/** What a progress shows. */
export interface Shown {
  readonly tally: Tally;
  /** How many calls there are in all, as far as is known. */
  readonly total: () => number | undefined;
  /** How long calls begin, in milliseconds, where that is the end of the batch. */
  readonly durationMs: number | undefined;
}

const SAVE_CURSOR = "\x1b7", RESTORE_CURSOR = "\x1b8";

/** The width of a terminal that does not tell it. */
const COLUMNS = 80;

const { BarFormat, TimeFormat } = cliProgress.Format;

/** A line that cli-progress draws, again and again. */
export type ProgressBar = cliProgress.SingleBar;

/** Makes a line that is not shown yet. */
export function makeBar(shown: Shown): ProgressBar {
  return new cliProgress.SingleBar({
    stream: terminal(),
    format: (drawn, { maxWidth }) =>
      progressTexts(shown, drawn).find(({ length }) => length <= maxWidth) ?? "",
    barsize: 20,
    clearOnComplete: true,
    forceRedraw: true,
    // Otherwise wrapping is off while the line is shown, and stays off if the process is killed.
    linewrap: true,
  });
}

/** `[=====-----] 500 of 1000 calls, 3 failed, 250/s, 2s left`, and shorter ones. */
function progressTexts(shown: Shown, drawn: Options): readonly string[] {
  const { calls, failed, startMs } = shown.tally;
  const elapsedMs = performance.now() - startMs;
  const total = shown.total();
  const counts = total === undefined ? `${calls} calls` : `${calls} of ${total} calls`;
  const failures = `${counts}, ${failed} failed`;
  const rate = `${failures}, ${Math.round(calls / elapsedMs * 1_000)}/s`;
  const texts = [rate, failures, counts, `${calls}`];
  const way = wayOf(shown, elapsedMs);
  if (way === undefined) return texts;
  const seconds = Math.max(0, Math.ceil(way.leftMs / 1_000));
  const left = calls > 0 ? [`${rate}, ${TimeFormat(seconds, drawn, 1)} left`] : [];
  const [longest] = [...left, ...texts];
  return [`[${BarFormat(way.share, drawn)}] ${longest}`, ...left, ...texts];
}

/**
 * Which share of a batch is done, and how long the rest will take; undefined where its end is not known.
 * It is not the share of cli-progress, which also draws on its own, with a total that may have changed.
 */
function wayOf(
  { tally: { calls }, total: totalOf, durationMs }: Shown,
  elapsedMs: number,
): { readonly share: number; readonly leftMs: number } | undefined {
  if (durationMs !== undefined) {
    return { share: Math.min(1, elapsedMs / durationMs), leftMs: durationMs - elapsedMs };
  }
  const total = totalOf();
  if (total === undefined) return undefined;
  const share = total === 0 ? 1 : Math.min(1, calls / total);
  return { share, leftMs: (total - calls) * elapsedMs / calls };
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
