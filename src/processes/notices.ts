/** The events of a server as a whole and of its workers, in words for the log. */
import { formatMegabytes } from "../text/amounts.ts";
import type { Notice } from "../contract/events.ts";

/** How a drain ended. */
export interface DrainOutcome {
  /** How many calls had to be cancelled because the grace period was over. */
  readonly cancelled: number;
  /** How many workers ended before they had drained; absent where one process serves. */
  readonly died?: number;
}

/**
 * A drain begins.
 *
 * @param why what made the server drain: `SIGTERM`
 */
export function draining(why: string, graceMs: number): Notice {
  return {
    level: "info",
    event: "draining",
    message: `${why}: draining, calls in flight have ${graceMs / 1000} s to finish`,
    fields: { reason: why, grace_ms: graceMs },
  };
}

/** Whether a drain ended without loss. */
export function isClean({ cancelled, died = 0 }: DrainOutcome): boolean {
  return cancelled === 0 && died === 0;
}

/** A drain is over. */
export function drainOutcome(outcome: DrainOutcome): Notice {
  const { cancelled, died } = outcome;
  const loss = died === undefined
    ? `the grace period is over, calls cancelled: ${cancelled}`
    : `the drain is over, calls cancelled: ${cancelled}, workers that died: ${died}`;
  return {
    level: isClean(outcome) ? "info" : "warn",
    event: "drained",
    message: isClean(outcome) ? "drained, every call has finished" : loss,
    fields: died === undefined ? { cancelled } : { cancelled, died },
  };
}

/**
 * A second signal has ended a drain.
 *
 * @param cancelled how many calls were in flight; of workers that hang, nothing is known
 */
export function endedAtOnce(
  signal: Deno.Signal,
  { cancelled, unknown }: { readonly cancelled: number; readonly unknown?: true },
): Notice {
  return {
    level: "warn",
    event: "ended_at_once",
    message: `a second signal, ${signal}: ended at once, calls cut: ` +
      `${unknown ? "at least " : ""}${cancelled}`,
    fields: { reason: signal, cancelled },
  };
}

/** The files that a server reads again: of TLS, or of answers. */
export type ReloadedFiles = "tls" | "answers";

const RELOADED = {
  tls: { files: "TLS files", use: "new connections", stay: "stay" },
  answers: { files: "file of answers", use: "new calls", stay: "stays" },
} as const;

/**
 * Files were read again.
 *
 * @param of whose calls or connections use them; empty for those of the whole server
 */
export function reloaded(what: ReloadedFiles, of = ""): Notice {
  const { files, use } = RELOADED[what];
  return {
    level: "info",
    event: `${what}_reloaded`,
    message: `SIGHUP: ${use}${of} use the new ${files}`,
  };
}

/** Files could not be read again. */
export function reloadFailed(what: ReloadedFiles, why: string): Notice {
  return { level: "error", event: `${what}_reload_failed`, message: `SIGHUP: ${why}` };
}

/** Says that the files in use stay in use, and why. */
export function filesStay(what: ReloadedFiles, fault: string): string {
  const { files, stay } = RELOADED[what];
  return `the old ${files} ${stay} in use: ${fault}`;
}

/** Says that a worker that was asked to reload files has not answered yet. */
export function workerIsSilent(worker: WorkerIdentity, what: ReloadedFiles): string {
  return `${workerName(worker)} does not answer; it reads the ${
    RELOADED[what].files
  } when it answers again, or its replacement does`;
}

/** A worker has reloaded files, but answered late. */
export function workerReloadedLate(
  worker: WorkerIdentity,
  what: ReloadedFiles,
  faults: readonly string[],
): Notice {
  const who = workerName(worker);
  return faults.length === 0
    ? reloaded(what, ` of ${who}`)
    : reloadFailed(what, `${who}: ${faults.join("; ")}`);
}

/** Which worker a notice is about. */
export interface WorkerIdentity {
  /** From 1 up; the one that replaces it has the same. */
  readonly id: number;
  /** 0 if no process could be started. */
  readonly pid: number;
}

/** A worker serves. */
export function workerStarted(worker: WorkerIdentity): Notice {
  return about("info", "worker_started", worker, "has started");
}

/**
 * A worker is recycled; it serves until its successor does.
 *
 * @param rss its memory, in bytes
 */
export function workerRecycled(worker: WorkerIdentity, why: string, rss: number): Notice {
  return about("info", "worker_recycled", worker, `is replaced: ${why}`, { rss });
}

/** A worker has not answered for so many seconds, and is killed. */
export function workerHung(worker: WorkerIdentity, seconds: number): Notice {
  return about("error", "worker_hung", worker, `has not answered for ${seconds} s, it is killed`);
}

/**
 * A worker has ended after it was asked to drain.
 *
 * @param how how it ended if it has not drained: `SIGKILL`
 */
export function workerDrained(worker: WorkerIdentity, how?: string): Notice {
  const what = how === undefined ? "has drained" : `has ended: ${how}`;
  return about("info", "worker_exited", worker, what);
}

/**
 * A worker has ended by itself, or was killed.
 *
 * @param how how the process ended
 * @param waitMs when another starts in its place, in milliseconds
 */
export function workerDied(
  worker: WorkerIdentity,
  how: string,
  reason: string,
  waitMs: number,
): Notice {
  const when = waitMs === 0 ? "at once" : `in ${waitMs / 1000} s`;
  const what = `has ended: ${reason}; another starts ${when}`;
  return about("error", "worker_exited", worker, what, { how });
}

/** Why a worker is replaced whose memory, in bytes, is over a limit. */
export function overLimit(rss: number, limit: number): string {
  return `its memory, ${formatMegabytes(rss)}, is over ${formatMegabytes(limit)}`;
}

/** A worker in words. */
function workerName({ id, pid }: WorkerIdentity): string {
  return pid === 0 ? `worker ${id}` : `worker ${id} (process ${pid})`;
}

function about(
  level: Notice["level"],
  event: string,
  worker: WorkerIdentity,
  what: string,
  fields: Notice["fields"] = {},
): Notice {
  const message = `${workerName(worker)} ${what}`;
  return { level, event, message, fields: { worker: worker.id, pid: worker.pid, ...fields } };
}
