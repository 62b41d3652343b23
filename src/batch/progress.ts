import type { Outcome } from "./scheduler.ts";
import type { Name } from "./names.ts";
import type { ProgressLine, Tally } from "./progress_line.ts";

/** What a person at a terminal sees of a batch on stderr, once it has lasted a second. */
export interface Progress {
  /** Clears the line, for something else to be written to the terminal. */
  hide(): void;
  /** Counts calls that have ended and shows the line again. */
  count(outcomes: readonly Outcome<Name>[]): void;
  /** Puts the last line in place of it. */
  end(): Promise<void>;
}

/** Shorter batches show nothing. */
const QUIET_MS = 1_000;

/**
 * Starts to count. The libraries that show the counts are loaded when they are needed.
 *
 * @param total how many calls there are in all, as far as is known
 */
export function startProgress(total: () => number | undefined): Progress {
  const start = performance.now();
  const tally: Tally = {
    done: 0,
    failed: 0,
    get total() {
      return total();
    },
    get elapsedMs() {
      return performance.now() - start;
    },
  };
  // Those of a second, until there is a line to take them.
  let latenciesMs: number[] = [];
  let line: ProgressLine | undefined;
  let loading: Promise<void> | undefined;
  let ended = false;

  async function load(): Promise<void> {
    const { openProgressLine } = await import("./progress_line.ts");
    line = openProgressLine(tally);
    take();
    if (!ended) line.show();
  }

  function take(): void {
    if (line === undefined) return;
    latenciesMs.forEach(line.record);
    latenciesMs = [];
  }

  const timer = setTimeout(() => loading = load(), QUIET_MS);
  return {
    hide: () => line?.hide(),
    count(outcomes) {
      for (const outcome of outcomes) {
        tally.done++;
        if ("error" in outcome) tally.failed++;
        else latenciesMs.push(outcome.latencyMs);
      }
      take();
      line?.update();
    },
    async end() {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      await loading;
      line?.end();
    },
  };
}
