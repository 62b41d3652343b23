/** The workers of a pool: their states, and what the pool knows of each. */
import type { Account } from "../telemetry/ledger.ts";
import type { Drained } from "./messages.ts";
import type { WorkerIdentity } from "./notices.ts";
import type { WorkerProcess } from "./worker_process.ts";

/** The states of a worker; the table in pool.ts says how it moves from one to the next. */
export type WorkerState = "starting" | "serving" | "draining" | "killed";

/** One process of a pool. */
export interface Worker extends WorkerIdentity {
  readonly process: WorkerProcess;
  readonly slot: Slot;
  readonly account: Account;
  state: WorkerState;
  /** How many ticks are left until the worker is killed, unless it answers before. */
  ticksLeft: number;
  /** Its memory (resident set size) in bytes, as of the last heartbeat. */
  rss: number;
  /** The worker has not answered the last request for a heartbeat yet. */
  heartbeatInFlight: boolean;
  /** Why it cannot serve, if it has said so or has not started in time. */
  fault?: string;
  /** Why it is to be recycled. */
  recycleReason?: string;
  /** How its drain ends: undefined if the worker ends without an answer. Absent before the drain. */
  drained?: Promise<Drained | undefined>;
}

/** A numbered slot of a pool, for one worker after another. A worker that drains has left its slot. */
export interface Slot {
  readonly id: number;
  readonly backOff: BackOff;
  /** The worker that serves, or is killed because it hangs. */
  current?: Worker | undefined;
  /** The worker that starts. */
  next?: Worker | undefined;
  /** The timer that will start a worker, after several deaths in a row. */
  restart?: ReturnType<typeof setTimeout> | undefined;
}

/** Whether another worker is to serve in this slot. */
export function isBeingReplaced({ current, next, restart }: Slot): boolean {
  return next !== undefined || restart !== undefined || current?.state === "killed";
}

/** A worker that has lived this long counts as stable, in milliseconds. */
const STABLE_MS = 10_000;
/** The first wait and the longest, in milliseconds. */
const FIRST_MS = 250;
const MAX_MS = 30_000;

/**
 * How long to wait before a worker that has died is replaced: not at all the first time, then twice
 * as long each time, up to 30 s, until one has lived for 10 s.
 */
export interface BackOff {
  /**
   * Counts a death.
   *
   * @param livedMs how long the worker had lived, in milliseconds
   * @returns how long to wait, in milliseconds
   */
  died(livedMs: number): number;
}

/** Makes a {@linkcode BackOff} that has counted nothing yet. */
export function openBackOff(): BackOff {
  let deaths = 0;
  return {
    died(livedMs) {
      deaths = livedMs >= STABLE_MS ? 1 : deaths + 1;
      return deaths === 1 ? 0 : Math.min(FIRST_MS * 2 ** (deaths - 2), MAX_MS);
    },
  };
}
