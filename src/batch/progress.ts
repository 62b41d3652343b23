/** What a person at a terminal sees of a batch that lasts: how far it is, and a line at its end. */
// @ts-types="@types/cli-progress"
import type * as cliProgress from "cli-progress";
import { sayNow, writeError } from "../cli/output.ts";
import { fitted, isDumbTerminal, terminalColumns } from "../cli/terminal.ts";
import { lineSummary } from "./summary.ts";
import type { Tally } from "./tally.ts";

/** A line on stderr, once the batch has lasted a second. */
export interface Progress {
  /** Clears it until the next update, so that something else can be written to the terminal. */
  hide(): void;
  /** Draws it with what is counted now. */
  update(): void;
  /** Clears it, or replaces it with the summary. */
  end(): Promise<void>;
}

/** What a progress shows. */
export interface ProgressOptions {
  readonly tally: Tally;
  /** How many calls there are in all, as far as is known. */
  readonly total: () => number | undefined;
  /** How long calls begin, in milliseconds, where that is the end of the batch. */
  readonly durationMs: number | undefined;
  /** Whether the summary of one line stands at the end. */
  readonly summary: boolean;
}

/** How long a batch lasts before it shows progress, in milliseconds. */
const QUIET_MS = 1_000;

const CLEAR_LINE = "\r\x1b[K";
const SAVE_CURSOR = "\x1b7", RESTORE_CURSOR = "\x1b8";

/** The width of a terminal that does not tell it. */
const COLUMNS = 80;

/** Starts to wait for the time at which progress is shown, and loads the libraries for it only then. */
export function startProgress(options: ProgressOptions): Progress {
  const { tally, summary } = options;
  let bar: cliProgress.SingleBar | undefined;
  let loading: Promise<void> | undefined;
  let hidden = false, ended = false;

  async function show(): Promise<void> {
    await tally.latencies.load();
    const loaded = isDumbTerminal() ? undefined : await makeBar(options);
    if (ended) return;
    bar = loaded;
    bar?.start(0, 0);
  }

  const timer = setTimeout(() => loading = show(), QUIET_MS);
  return {
    hide() {
      if (bar === undefined) return;
      sayNow(CLEAR_LINE);
      hidden = true;
    },
    update() {
      bar?.update(tally.calls);
      if (hidden) bar?.render();
      hidden = false;
    },
    async end() {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      if (loading === undefined) return;
      await loading;
      bar?.stop();
      if (summary) writeError(fitted(`usersvc call: ${lineSummary(tally)}`));
    },
  };
}

async function makeBar(options: ProgressOptions): Promise<cliProgress.SingleBar> {
  const { Format, SingleBar } = await import("./bar.ts");
  return new SingleBar({
    stream: terminal(),
    format: (drawn, { maxWidth }) => {
      const texts = progressTexts(options, {
        bar: (share) => Format.BarFormat(share, drawn),
        time: (seconds) => Format.TimeFormat(seconds, drawn, 1),
      });
      return texts.find(({ length }) => length <= maxWidth) ?? "";
    },
    barsize: 20,
    clearOnComplete: true,
    forceRedraw: true,
    // Otherwise wrapping is off while the line is shown, and stays off if the process is killed.
    linewrap: true,
  });
}

/** How parts of a line are drawn. */
interface Drawing {
  readonly bar: (share: number) => string;
  readonly time: (seconds: number) => string;
}

/** `[=====-----] 500 of 1000 calls, 3 failed, 250/s, 2s left`, and shorter ones. */
function progressTexts(options: ProgressOptions, { bar, time }: Drawing): readonly string[] {
  const { calls, failed, startMs } = options.tally;
  const elapsedMs = performance.now() - startMs;
  const total = options.total();
  const counts = total === undefined ? `${calls} calls` : `${calls} of ${total} calls`;
  const failures = `${counts}, ${failed} failed`;
  const rate = `${failures}, ${Math.round(calls / elapsedMs * 1_000)}/s`;
  const texts = [rate, failures, counts, `${calls}`];
  const way = wayOf(options, elapsedMs);
  if (way === undefined) return texts;
  const seconds = Math.max(0, Math.ceil(way.leftMs / 1_000));
  const left = calls > 0 ? [`${rate}, ${time(seconds)} left`] : [];
  const [longest] = [...left, ...texts];
  return [`[${bar(way.share)}] ${longest}`, ...left, ...texts];
}

/**
 * Which share of a batch is done, and how long the rest will take; undefined where its end is not known.
 * It is not the share of cli-progress, which also draws on its own, with a total that may have changed.
 */
function wayOf(
  { tally: { calls }, total: totalOf, durationMs }: ProgressOptions,
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
