/**
 * The worker processes of a server. This table is all that can become of one:
 *
 * | State    | The process                      | Becomes                                      |
 * | -------- | -------------------------------- | -------------------------------------------- |
 * | starting | reads its files                  | serving: it says `ready`                     |
 * |          |                                  | killed: it has not in 30 s                   |
 * | serving  | takes connections, reports       | draining: its successor serves, or all drain |
 * |          | each second that it is alive     | killed: it has not for 5 s                   |
 * | draining | finishes its calls               | killed: 5 s after its grace period           |
 * | killed   | was sent SIGKILL                 |                                              |
 *
 * pool.ts moves it from one to the next. In each of them it may end. Each place is filled by one that serves,
 * its `current`, and by one that starts, its `next`; one that drains has left it.
 *
 * Seconds are the supervisor's own: each of its ticks is one, however late it comes. A machine that
 * slept, or a supervisor that was stopped or got no time, must not take that for silence of the workers.
 */
import type { Account } from "../telemetry/ledger.ts";
import type { Drained } from "./messages.ts";
import type { WorkerIdentity } from "./notices.ts";
import type { WorkerProcess } from "./worker_process.ts";

/** What one worker after another fills. */
export interface Place {
  readonly id: number;
  readonly backOff: BackOff;
  restarts: number;
  /** The worker that serves, or is killed because it hangs. */
  current?: Member | undefined;
  /** The worker that starts. */
  next?: Member | undefined;
  /** Will start one, after deaths in a row. */
  pause?: ReturnType<typeof setTimeout> | undefined;
}

/** One process in a place. */
export interface Member extends WorkerIdentity {
  readonly process: WorkerProcess;
  readonly place: Place;
  readonly account: Account;
  state: "starting" | "serving" | "draining" | "killed";
  /** How many ticks it has until it is given up. */
  ticks: number;
  rss: number;
  /** It was asked for a report that has not come yet. */
  asked: boolean;
  /** Why it cannot serve, if it has said so or has not started in time. */
  fault?: string;
  /** Why it is to be replaced. */
  retired?: string;
  /** It was asked to drain; undefined if it has ended without an answer. */
  drained?: Promise<Drained | undefined>;
}

/** Another one is to serve in this place. */
export function isBeingReplaced({ current, next, pause }: Place): boolean {
  return next !== undefined || pause !== undefined || current?.state === "killed";
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
   * @param livedMs how long it had lived, in milliseconds
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
