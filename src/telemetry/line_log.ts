import { setImmediate } from "node:timers";
import { setTimeout as delay } from "node:timers/promises";
import { type Output, writeAll } from "../cli/output.ts";
import { messageOf } from "../text/errors.ts";

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

/** How large the writes of a log may be, and what is called when lines are lost. */
interface LineLogOptions {
  /**
   * How many bytes one write may hold; only a line that is longer by itself exceeds it. Writes hold
   * whole lines.
   */
  readonly maxWriteBytes: number;
  /**
   * Called when lines were dropped because too many waited, once the stream takes more.
   *
   * @returns a line to write in their place, or undefined
   */
  readonly onDropped: (lines: number) => string | undefined;
  /** Called once, with the reason why the stream takes no more. A reader that has gone is no failure. */
  readonly onFailure: (reason: string) => void;
}

/** A pipe takes at most so many bytes in one write that other processes cannot interrupt. */
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

/**
 * Makes a log on a stream. A line that comes after a pause is written at the end of its turn of the
 * event loop, with the others of that turn; the lines that come within {@linkcode PAUSE_MS} of a write
 * make up the next one. A stream that fails or is not read loses its lines, not the program.
 */
export function lineLog(output: Output, options: LineLogOptions): LineLog {
  const queue = openQueue(options.onDropped);
  let ended = false;
  let writing: Promise<void> | undefined;
  let flushing = false;
  let endPause = () => {};

  async function write(): Promise<void> {
    try {
      // Not a microtask: microtasks run between the calls of one turn of the event loop.
      await new Promise<void>((resolve) => setImmediate(resolve));
      for (let lines = queue.take(); lines !== ""; lines = queue.take()) {
        for (const part of wholeLines(encoder.encode(lines), options.maxWriteBytes)) {
          ended = !await writeAll(output, part);
          if (ended) return;
        }
        if (!flushing) await pause();
      }
    } catch (error) {
      ended = true;
      options.onFailure(messageOf(error));
    } finally {
      // Here, not in a `then`: a line that is added before that runs would start no write.
      writing = undefined;
    }
  }

  function pause(): Promise<void> {
    return new Promise((resolve) => {
      endPause = resolve;
      setTimeout(resolve, PAUSE_MS);
    });
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
      await Promise.race([writing, delay(maxMs)]);
      flushing = false;
      return ended ? 0 : queue.unwritten();
    },
  };
}

/** Lines that wait for the stream, up to {@linkcode MAX_WAITING} characters. */
interface Queue {
  /** Adds a line, or drops it where the queue is full. */
  add(line: string): void;
  /**
   * Takes out all lines and the note on those that were dropped; empty if there are none. Those that
   * were taken before count as written then.
   */
  take(): string;
  /** How many lines were not written: taken last, waiting or dropped. */
  unwritten(): number;
}

function openQueue(onDropped: LineLogOptions["onDropped"]): Queue {
  let waiting = "";
  let waitingLines = 0;
  let takenLines = 0;
  let dropped = 0;
  return {
    add(line) {
      // After one dropped line all are dropped until the next write, so that one note stands for all.
      if (dropped > 0 || waiting.length + line.length >= MAX_WAITING) {
        dropped++;
        return;
      }
      waiting += line + "\n";
      waitingLines++;
    },
    take() {
      const note = dropped > 0 ? onDropped(dropped) : undefined;
      const lines = note === undefined ? waiting : `${waiting}${note}\n`;
      takenLines = waitingLines;
      waiting = "";
      waitingLines = dropped = 0;
      return lines;
    },
    unwritten: () => takenLines + waitingLines + dropped,
  };
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
