/** The workers of a pool: which states they have, and what the pool knows of each. */
import type { Account } from "../telemetry/ledger.ts";
import type { Drained } from "./messages.ts";
import type { WorkerIdentity } from "./notices.ts";
import type { WorkerProcess } from "./worker_process.ts";

/** What pool.ts moves a worker through; see the table there. */
export type WorkerState = "starting" | "serving" | "draining" | "killed";

/** One process of a pool. */
export interface Worker extends WorkerIdentity {
  readonly process: WorkerProcess;
  readonly slot: Slot;
  readonly account: Account;
  state: WorkerState;
  /** How many ticks the worker has until it is given up. */
  ticksLeft: number;
  /** Its memory (resident set size) in bytes, as of the last heartbeat. */
  rss: number;
  /** A heartbeat was asked for and has not come yet. */
  heartbeatInFlight: boolean;
  /** Why it cannot serve, if it has said so or has not started in time. */
  fault?: string;
  /** Why it is to be recycled. */
  recycleReason?: string;
  /** How its drain ended; undefined if it has ended without an answer. Absent before the drain. */
  drained?: Promise<Drained | undefined>;
}

/** A numbered slot of a pool: one worker after another fills it. A worker that drains has left it. */
export interface Slot {
  readonly id: number;
  readonly backOff: BackOff;
  /** The worker that serves, or is killed because it hangs. */
  current?: Worker | undefined;
  /** The worker that starts. */
  next?: Worker | undefined;
  /** The timer that will start one, after deaths in a row. */
  restart?: ReturnType<typeof setTimeout> | undefined;
}

/** Whether another worker is to serve in this slot. */
export function isBeingReplaced({ current, next, restart }: Slot): boolean {
  return next !== undefined || restart !== undefined || current?.state === "killed";
}

/** A worker that has lived this long did start well, in milliseconds. */
const STABLE_MS = 10_000;
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
