import type { CallResult } from "./scheduler.ts";
import type { ProgressLine, Tally } from "./progress_line.ts";

/** What a person at a terminal sees of a batch on stderr, once it has lasted a second. */
export interface Progress {
  /** Clears the line, so that something else can be written to the terminal. */
  hide(): void;
  /** Counts calls that have ended and shows the line again. */
  count(results: readonly CallResult[]): void;
  /** Clears the line, or replaces it with the summary. */
  end(): Promise<void>;
}

/** What a progress shows. */
export interface ProgressOptions {
  /** How many calls there are in all, as far as is known. */
  readonly total: () => number | undefined;
  /** How long calls begin, in milliseconds, where that is the end of the batch. */
  readonly durationMs?: number;
  /** Whether the summary of one line stands at the end. */
  readonly summary: boolean;
}

/** How long a batch lasts before it shows progress, in milliseconds. */
const QUIET_MS = 1_000;

/** Starts to count. The libraries that show the counts are loaded when they are needed. */
export function startProgress({ total, durationMs, summary }: ProgressOptions): Progress {
  const tally = startTally(total, durationMs);
  // Those of the first second; there is no line yet that records them.
  let latenciesMs: number[] = [];
  let line: ProgressLine | undefined;
  let loading: Promise<void> | undefined;
  let ended = false;

  async function load(): Promise<void> {
    const { openProgressLine } = await import("./progress_line.ts");
    line = openProgressLine(tally, summary);
    recordLatencies();
    if (!ended) line.show();
  }

  function recordLatencies(): void {
    if (line === undefined) return;
    latenciesMs.forEach(line.record);
    latenciesMs = [];
  }

  const timer = setTimeout(() => loading = load(), QUIET_MS);
  return {
    hide: () => line?.hide(),
    count(results) {
      for (const result of results) {
        tally.done++;
        if ("error" in result) tally.failed++;
        else latenciesMs.push(result.latencyMs);
      }
      recordLatencies();
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

function startTally(total: () => number | undefined, durationMs?: number): Tally {
  const startMs = performance.now();
  return {
    done: 0,
    failed: 0,
    ...(durationMs === undefined ? {} : { durationMs }),
    get total() {
      return total();
    },
    get elapsedMs() {
      return performance.now() - startMs;
    },
  };
}
