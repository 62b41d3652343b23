/** What the log is told of the workers. */
import { formatMegabytes } from "../cli/size.ts";
import type { Notice } from "../server/events.ts";

/** Which worker is spoken of. */
export interface Named {
  /** From 1 up; the one that replaces it has the same. */
  readonly id: number;
  /** 0 if no process could be started. */
  readonly pid: number;
}

/** It serves. */
export function workerStarted(worker: Named): Notice {
  return about("info", "worker_started", worker, "has started");
}

/**
 * It is to be replaced, and serves until its successor does.
 *
 * @param rss its memory, in bytes
 */
export function workerRecycled(worker: Named, why: string, rss: number): Notice {
  return about("info", "worker_recycled", worker, `is replaced: ${why}`, { rss });
}

/** It has not answered for so many seconds, and is killed. */
export function workerHung(worker: Named, seconds: number): Notice {
  return about("error", "worker_hung", worker, `has not answered for ${seconds} s, it is killed`);
}

/**
 * It has ended after it was asked to drain.
 *
 * @param how how it ended if it has not drained: `SIGKILL`
 */
export function workerDrained(worker: Named, how?: string): Notice {
  const what = how === undefined ? "has drained" : `has ended: ${how}`;
  return about("info", "worker_exited", worker, what);
}

/**
 * It has ended by itself, or was killed.
 *
 * @param how how the process ended
 * @param waitMs when another starts in its place, in milliseconds
 */
export function workerDied(worker: Named, how: string, reason: string, waitMs: number): Notice {
  const when = waitMs === 0 ? "at once" : `in ${waitMs / 1000} s`;
  const what = `has ended: ${reason}; another starts ${when}`;
  return about("error", "worker_exited", worker, what, { how });
}

/** Why a worker is replaced whose memory, in bytes, is over a limit. */
export function overLimit(rss: number, limit: number): string {
  return `its memory, ${formatMegabytes(rss)}, is over ${formatMegabytes(limit)}`;
}

/** A worker in words. */
export function workerName({ id, pid }: Named): string {
  return pid === 0 ? `worker ${id}` : `worker ${id} (process ${pid})`;
}

function about(
  level: Notice["level"],
  event: string,
  worker: Named,
  what: string,
  fields: Notice["fields"] = {},
): Notice {
  const message = `${workerName(worker)} ${what}`;
  return { level, event, message, fields: { worker: worker.id, pid: worker.pid, ...fields } };
}
