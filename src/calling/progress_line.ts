// @ts-types="@types/cli-progress"
import cliProgress, { type Options } from "cli-progress";
import { build, type Histogram } from "hdr-histogram-js";
import { writeError } from "../cli/output.ts";
import type { Tally } from "./progress.ts";

/** A line at the bottom of a terminal. */
export interface ProgressLine {
  /** Takes the latency of a call, in milliseconds. */
  record(latencyMs: number): void;
  /** Shows it, from now on with what the tally says. */
  show(): void;
  /** Clears it, until it is updated. */
  hide(): void;
  update(): void;
  /** Puts the last line in place of it. */
  end(): void;
}

const CLEAR_LINE = "\r\x1b[K";
const SAVE_CURSOR = "\x1b7", RESTORE_CURSOR = "\x1b8";

/** Makes a line, not shown yet. */
export function openProgressLine(tally: Tally): ProgressLine {
  // Percentiles within 1 %, in 32 KB for any number of calls.
  const latenciesUs = build({ numberOfSignificantValueDigits: 2 });
  const bar = new cliProgress.SingleBar({
    stream: terminal(),
    format: (options, { progress }) => describe(tally, progress, options),
    barsize: 20,
    clearOnComplete: true,
    forceRedraw: true,
  });
  let hidden = false;
  return {
    record: (latencyMs) => latenciesUs.recordValue(Math.max(1, Math.round(latencyMs * 1_000))),
    show: () => bar.start(tally.total ?? 0, 0),
    hide() {
      writeNow(CLEAR_LINE);
      hidden = true;
    },
    update() {
      bar.setTotal(tally.total ?? 0);
      bar.update(tally.done);
      if (hidden) bar.render();
      hidden = false;
    },
    end() {
      bar.stop();
      writeError(`usersvc call: ${summary(tally)}${percentiles(latenciesUs)}`);
    },
  };
}

/** `[=====-----] 500 of 1000 calls, 3 failed, 250/s, 2s left`. */
function describe(
  { done, failed, total, elapsedMs }: Tally,
  progress: number,
  options: Options,
): string {
  const perSecond = done / elapsedMs * 1_000;
  const { BarFormat, TimeFormat } = cliProgress.Format;
  const bar = total === undefined ? "" : `[${BarFormat(progress, options)}] `;
  const all = total === undefined ? "" : ` of ${total}`;
  const left = total === undefined || done === 0
    ? ""
    : `, ${TimeFormat(Math.max(0, Math.ceil((total - done) / perSecond)), options, 1)} left`;
  return `${bar}${done}${all} calls, ${failed} failed, ${Math.round(perSecond)}/s${left}`;
}

/** `1000 calls in 4.0 s, 3 failed`. */
function summary({ done, failed, elapsedMs }: Tally): string {
  return `${done} calls in ${(elapsedMs / 1_000).toFixed(1)} s, ${failed} failed`;
}

/** `; latency p50 3.21 ms, p95 5.0 ms, p99 8.1 ms`, or nothing if no call was answered. */
function percentiles(latenciesUs: Histogram): string {
  if (latenciesUs.totalCount === 0) return "";
  const texts = [50, 95, 99].map((percentile) =>
    `p${percentile} ${(latenciesUs.getValueAtPercentile(percentile) / 1_000).toPrecision(3)} ms`
  );
  return `; latency ${texts.join(", ")}`;
}

/**
 * Stderr for cli-progress. It would go back, at the end, to where the cursor was at the start, where
 * results stand by then if stdout is the same terminal.
 */
function terminal(): NodeJS.WritableStream {
  const stream = {
    isTTY: true,
    get columns() {
      return Deno.consoleSize().columns;
    },
    write(text: string) {
      if (text !== SAVE_CURSOR && text !== RESTORE_CURSOR) writeNow(text);
      return true;
    },
  };
  return stream as unknown as NodeJS.WritableStream;
}

function writeNow(text: string): void {
  Deno.stderr.writeSync(new TextEncoder().encode(text));
}
