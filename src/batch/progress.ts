/** What a person at a terminal sees of a batch that lasts: how far it is, and a line at its end. */
import { sayNow, writeError } from "../cli/output.ts";
import { fitted, isDumbTerminal } from "../cli/terminal.ts";
import type { ProgressBar, Shown } from "./progress_bar.ts";
import { lineSummary } from "./summary.ts";

/** A line on stderr, once the batch has lasted a second. */
export interface Progress {
  /** Clears it until the next update, so that something else can be written to the terminal. */
  hide(): void;
  /** Draws it with what is counted now. */
  update(): void;
  /** Clears it, or replaces it with the summary. */
  end(): Promise<void>;
}

/** How long a batch lasts before it shows progress, in milliseconds. */
const QUIET_MS = 1_000;

const CLEAR_LINE = "\r\x1b[K";

/**
 * Starts to wait for the time at which progress is shown, and loads the libraries for it only then.
 *
 * @param summary whether the summary of one line stands at the end
 */
export function startProgress(shown: Shown, summary: boolean): Progress {
  const { tally } = shown;
  let bar: ProgressBar | undefined;
  let loading: Promise<void> | undefined;
  let hidden = false, ended = false;

  async function show(): Promise<void> {
    await tally.latencies.load();
    if (isDumbTerminal()) return;
    const { makeBar } = await import("./progress_bar.ts");
    if (ended) return;
    bar = makeBar(shown);
    bar.start(0, 0);
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
