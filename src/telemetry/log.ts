import { OutputError } from "../cli/output.ts";
import type { Endpoint } from "../contract/endpoint.ts";
import { jsonEvents, jsonRecord } from "./json_log.ts";
import { type LineLog, lineLog, PIPE_BUF } from "./line_log.ts";
import type { LogEvents, LogFormat } from "./log_format.ts";
import { quietEvents, textEvents } from "./text_log.ts";

/** The log of a server. */
export interface Log extends LogEvents {
  /**
   * Says where the server listens, and waits until that is written.
   *
   * @param maxMs waits no longer for a reader than this, in milliseconds
   * @throws {OutputError} if it cannot be written: nobody could learn the port
   */
  announce(endpoints: readonly Endpoint[], maxMs: number): Promise<void>;
  /**
   * Waits until all lines are written. Lines that nobody has read by then are lost, and stderr says
   * how many.
   *
   * @param maxMs gives up on a stream after this many milliseconds, for a reader that never reads
   */
  flush(maxMs: number): Promise<void>;
}

/** Whose log it is. */
export interface LogOptions {
  /**
   * The number of this worker among several that share stdout and stderr; absent where one process
   * serves alone.
   */
  readonly worker?: number;
}

/** Opens the log of this process on stdout and stderr. */
export function openLog(format: LogFormat, { worker }: LogOptions = {}): Log {
  const limit = worker === undefined ? {} : { maxWriteBytes: PIPE_BUF };
  const stderr = lineLog(Deno.stderr, {
    ...limit,
    onDropped: (lines) => droppedText(lines, "stderr"),
    // There is no other stream that could say that stderr has failed.
    onFailure: () => {},
  });
  let failure: string | undefined;
  let announcing = false;
  const stdout = lineLog(Deno.stdout, {
    ...limit,
    onDropped: (lines) => {
      if (format === "json") return jsonDropped(lines, worker);
      stderr.line(droppedText(lines, "stdout"));
    },
    onFailure: (reason) => {
      failure = reason;
      if (!announcing) stderr.line(`usersvc serve: the log on stdout ends here: ${reason}`);
    },
  });
  const events = eventsOf(format, stdout, stderr, worker);
  return {
    ...events,
    async announce(endpoints, maxMs) {
      announcing = true;
      events.listening(endpoints);
      await stdout.flush(maxMs);
      announcing = false;
      if (failure === undefined) return;
      throw new OutputError(`nobody can learn where the server listens: ${failure}`);
    },
    async flush(maxMs) {
      const lost = await stdout.flush(maxMs);
      if (lost > 0) {
        stderr.line(`usersvc serve: nobody reads stdout: up to ${lost} lines of the log are lost`);
      }
      await stderr.flush(maxMs);
    },
  };
}

function eventsOf(
  format: LogFormat,
  stdout: LineLog,
  stderr: LineLog,
  worker: number | undefined,
): LogEvents {
  switch (format) {
    case "text":
      return textEvents(stdout, stderr);
    case "json":
      return jsonEvents(stdout, worker);
    case "none":
      return quietEvents(stderr);
  }
}

function droppedText(lines: number, stream: string): string {
  return `usersvc serve: ${lines} lines of the log on ${stream} were dropped: nobody read it`;
}

function jsonDropped(lines: number, worker: number | undefined): string {
  return jsonRecord({
    level: "warn",
    event: "log_dropped",
    message: `${lines} lines of the log were dropped here: nobody read stdout`,
    fields: { count: lines },
  }, worker);
}
