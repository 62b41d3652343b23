import { type Output, writeAll, writeError } from "../cli/output.ts";

/** Writes lines in the order in which they come, without making the caller wait. */
export interface LineLog {
  /** Adds a line; the line break is added here. */
  line(text: string): void;
  /**
   * Waits until all lines are written.
   *
   * @param maxMs gives up after this many milliseconds, for a reader that never reads
   */
  flush(maxMs: number): Promise<void>;
}

/**
 * Makes a log on a stream. Lines that come while a write is under way are written together by the
 * next one. A stream that fails loses its lines, not the program: stderr says so once.
 *
 * @param name stands for the stream in that message
 */
export function lineLog(output: Output, name: string): LineLog {
  let pending = "";
  let failed = false;
  let writing: Promise<void> | undefined;

  async function write(): Promise<void> {
    // The lines of one turn of the event loop make one write.
    await Promise.resolve();
    while (pending !== "") {
      const batch = pending;
      pending = "";
      await writeAll(output, batch);
    }
  }

  function fail(error: unknown): void {
    failed = true;
    pending = "";
    const reason = error instanceof Error ? error.message : String(error);
    writeError(`usersvc: the log on ${name} ends here: ${reason}`);
  }

  return {
    line(text) {
      if (failed) return;
      pending += `${text}\n`;
      writing ??= write().catch(fail).finally(() => writing = undefined);
    },
    async flush(maxMs) {
      if (writing === undefined) return;
      const { promise: timedOut, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, maxMs);
      await Promise.race([writing, timedOut]);
      clearTimeout(timer);
    },
  };
}
