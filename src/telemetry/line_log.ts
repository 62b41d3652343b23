import { setImmediate } from "node:timers";
import { type Output, writeAll } from "../cli/output.ts";

/** Writes lines in the order in which they come, without making the caller wait. */
export interface LineLog {
  /** Adds a line; the line break is added here. */
  line(text: string): void;
  /**
   * Waits until all lines are written.
   *
   * @param maxMs gives up after this many milliseconds, for a reader that never reads
   * @returns how many lines, at most, were lost because nobody has read them
   */
  flush(maxMs: number): Promise<number>;
}

/** How a log meets what can happen to its stream. */
export interface LineLogOptions {
  /**
   * How many bytes one write may hold; only a line that is longer by itself exceeds it. Writes hold
   * whole lines.
   */
  readonly maxWriteBytes?: number;
  /**
   * Told when lines were dropped because the queue was full, once the stream takes more.
   *
   * @returns a line to write in their place, or undefined
   */
  readonly onDropped: (lines: number) => string | undefined;
  /** Told once why the stream takes no more. A reader that has gone is no failure. */
  readonly onFailure: (reason: string) => void;
}

/** A write of at most this many bytes to a pipe is not mixed with those of other processes. */
export const PIPE_BUF = 4096;

/** How many characters may wait for the stream; further lines are dropped. */
const MAX_WAITING = 1024 * 1024;

/**
 * How long the next write waits after one, in milliseconds, for more lines to come. A write costs
 * some 25 us of CPU, most of it for the thread that may block in it: with one for each turn of the
 * event loop, a log of 5 calls per turn cost 7 us per call, a tenth of the whole call.
 */
const PAUSE_MS = 5;

const LINE_FEED = 0x0a;
const encoder = new TextEncoder();

/** Lines that wait for the stream, as many as there is memory for. */
interface Queue {
  /** Adds a line, or drops it where the queue is full. */
  add(line: string): void;
  /** Takes out all lines, and the note on those that were dropped. They are in flight from now on. */
  take(): string;
  isEmpty(): boolean;
  /** The lines in flight were written. */
  written(): void;
  /** Gives up all lines. */
  clear(): void;
  /** How many lines were not written: in flight, waiting or dropped. */
  unwritten(): number;
}

function openQueue(onDropped: LineLogOptions["onDropped"]): Queue {
  let waiting = "";
  let waitingLines = 0;
  let inFlightLines = 0;
  let dropped = 0;
  return {
    add(line) {
      // Once a line was dropped the next ones are too, until the note on them stands in their place.
      if (dropped > 0 || waiting.length + line.length >= MAX_WAITING) {
        dropped++;
        return;
      }
      waiting += line + "\n";
      waitingLines++;
    },
    take() {
      let batch = waiting;
      inFlightLines = waitingLines;
      waiting = "";
      waitingLines = 0;
      if (dropped > 0) {
        const note = onDropped(dropped);
        if (note !== undefined) batch += note + "\n";
        dropped = 0;
      }
      return batch;
    },
    isEmpty: () => waiting === "",
    written: () => inFlightLines = 0,
    clear() {
      waiting = "";
      waitingLines = inFlightLines = dropped = 0;
    },
    unwritten: () => inFlightLines + waitingLines + dropped,
  };
}

/**
 * Makes a log on a stream. A line that comes after a pause is written at the end of its turn of the
 * event loop, with the others of that turn; the lines that come within {@linkcode PAUSE_MS} of a write
 * make up the next one. A stream that fails or is not read loses its lines, not the program.
 */
export function lineLog(output: Output, options: LineLogOptions): LineLog {
  const { maxWriteBytes = Infinity, onDropped, onFailure } = options;
  const queue = openQueue(onDropped);
  let ended = false;
  let writing: Promise<void> | undefined;
  let flushing = false;
  let endPause = () => {};

  async function write(): Promise<void> {
    try {
      // Not a microtask: the calls of one turn come in several events, with microtasks in between.
      await new Promise<void>((resolve) => setImmediate(resolve));
      while (!queue.isEmpty()) {
        for (const part of wholeLines(encoder.encode(queue.take()), maxWriteBytes)) {
          if (!await writeAll(output, part)) return end();
        }
        queue.written();
        if (!flushing) await timeLimit(PAUSE_MS, new Promise((resolve) => endPause = resolve));
      }
    } catch (error) {
      fail(error);
    } finally {
      // At once, not in a microtask: a line that came in between would start no write.
      writing = undefined;
    }
  }

  function end(): void {
    ended = true;
    queue.clear();
  }

  function fail(error: unknown): void {
    end();
    onFailure(error instanceof Error ? error.message : String(error));
  }

  return {
    line(text) {
      if (ended) return;
      queue.add(text);
      writing ??= write();
    },
    async flush(maxMs) {
      if (writing === undefined) return 0;
      flushing = true;
      endPause();
      await timeLimit(maxMs, writing);
      flushing = false;
      return queue.unwritten();
    },
  };
}

/** Waits for something, but no longer than so many milliseconds. */
async function timeLimit(maxMs: number, awaited: Promise<void>): Promise<void> {
  const { promise: timedOut, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, maxMs);
  await Promise.race([awaited, timedOut]);
  clearTimeout(timer);
}

/** Splits text after line breaks into parts of at most this many bytes, or of one longer line. */
function* wholeLines(bytes: Uint8Array, max: number): Generator<Uint8Array> {
  let start = 0;
  while (bytes.length - start > max) {
    const last = bytes.lastIndexOf(LINE_FEED, start + max - 1);
    const end = (last >= start ? last : bytes.indexOf(LINE_FEED, start + max)) + 1;
    yield bytes.subarray(start, end);
    start = end;
  }
  yield bytes.subarray(start);
}
