import { OutputError } from "../cli/output.ts";
import type { Endpoint } from "../contract/endpoint.ts";
import type { ServerEvents } from "../contract/events.ts";
import { type LineLog, lineLog, PIPE_BUF } from "./line_log.ts";
import { droppedLine, FORMATS, type LogFormat } from "./log_format.ts";
import type { RecordOptions } from "./records.ts";

/** The log of a server. */
export interface Log extends ServerEvents {
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

/** What a log is to be. */
interface LogOptions extends RecordOptions {
  /** Nothing of it is on stdout, which is a command's. */
  readonly onStderr?: boolean | undefined;
}

/**
 * Opens the log of this process on stdout and stderr.
 *
 * The record of a call is the same in the log, if that has records, and where calls are kept.
 */
export function openLog(format: LogFormat, options: LogOptions = {}): Log {
  const { onStderr = false } = options;
  const maxWriteBytes = options.worker === undefined ? Infinity : PIPE_BUF;
  const stderr = lineLog(Deno.stderr, {
    maxWriteBytes,
    onDropped: (lines) => onStderr ? events.dropped(lines) : droppedLine(lines, "stderr"),
    // There is no other stream that could say that stderr has failed.
    onFailure: () => {},
  });
  let failure: string | undefined;
  let announcing = false;
  const stdout: LineLog = onStderr ? stderr : lineLog(Deno.stdout, {
    maxWriteBytes,
    onDropped: (lines) => events.dropped(lines),
    onFailure: (reason) => {
      failure = reason;
      if (!announcing) stderr.line(`usersvc serve: the log on stdout ends here: ${reason}`);
    },
  });
  const events = FORMATS[format](stdout, stderr, options);
  return {
    callReceived: events.callReceived,
    callFinished: events.callFinished,
    notice: events.notice,
    async announce(endpoints, maxMs) {
      announcing = true;
      events.listening(endpoints);
      await stdout.flush(maxMs);
      announcing = false;
      if (failure === undefined) return;
      throw new OutputError(`nobody can learn where the server listens: ${failure}`);
    },
    async flush(maxMs) {
      const lost = onStderr ? 0 : await stdout.flush(maxMs);
      if (lost > 0) {
        stderr.line(`usersvc serve: nobody reads stdout: up to ${lost} lines of the log are lost`);
      }
      await stderr.flush(maxMs);
    },
  };
}
