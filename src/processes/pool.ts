/**
 * A pool of worker processes, as a state machine. These are the states of a worker, and who moves it
 * from one to the next:
 *
 * | State    | The worker                   | Moves to | When, and in which function                       |
 * | -------- | ---------------------------- | -------- | ------------------------------------------------- |
 * | starting | reads its files              | serving  | it says `ready`: `becomeServing`                  |
 * |          |                              | killed   | it has not within 30 s: `giveUp`                  |
 * | serving  | takes connections, answers   | draining | its successor serves, or the pool drains: `drain` |
 * |          | a heartbeat each second      | killed   | it has not answered for 5 s: `giveUp`             |
 * | draining | finishes the calls in flight | killed   | 5 s after its grace period: `giveUp`              |
 * | killed   | was sent SIGKILL             |          |                                                   |
 *
 * In each state the process may end: `ended`. A worker is recycled by starting another one in its slot,
 * which drains the first one once it serves.
 *
 * Time is counted in ticks of a timer in the supervisor, one each second. The clock is not used: after
 * the machine has slept, or the supervisor was stopped, it would make every worker look silent.
 */
import type { Account } from "../telemetry/ledger.ts";
import type { Notice } from "../contract/events.ts";
import type { HandOver } from "./hand_over.ts";
import type { Drained } from "./messages.ts";
import {
  type DrainOutcome,
  overLimit,
  type ReloadedFiles,
  workerDied,
  workerDrained,
  workerHung,
  workerRecycled,
  workerStarted,
} from "./notices.ts";
import type { ServeOptions } from "./lifecycle.ts";
import { askForCallsInFlight, askToCount, askToDrain, askToReload } from "./requests.ts";
import { startWorker, type WorkerEnd, type WorkerEvent } from "./worker_process.ts";
import { isBeingReplaced, openBackOff, type Slot, type Worker } from "./worker_state.ts";

/** What a pool of workers is to be. */
export interface PoolOptions {
  /** How many workers serve at the same time. */
  readonly workers: number;
  /** A worker whose memory passes this is recycled, in bytes. */
  readonly workerMemory: number;
}

/** Workers that serve together, and are replaced when they die, hang or grow. */
export interface Pool {
  /**
   * Starts the first worker and, once it serves, the others.
   *
   * @returns why it could not serve, or undefined when it does
   */
  start(): Promise<string | undefined>;
  /** Whether at least one worker serves now. */
  isServing(): boolean;
  /** Asks the workers what they have counted, and waits at most 1 s for each answer. */
  count(): Promise<void>;
  /** Replaces no worker any more and waits until all have drained and ended. */
  drain(graceMs: number): Promise<DrainOutcome>;
  /**
   * Has the serving workers reload files, and waits at most 1 s for each answer.
   *
   * @returns why files could not be reloaded, each reason once
   */
  reload(what: ReloadedFiles): Promise<Set<string>>;
  /**
   * Ends all workers at once, or after 1 s if one does not say how many calls it has.
   *
   * @returns how many calls that has cut; `unknown` where a worker has not said it
   */
  end(): Promise<{ readonly cancelled: number; readonly unknown?: true }>;
}

/** Told what metrics need to know of a pool's workers. */
export interface PoolObserver {
  /** A worker was replaced, whatever the reason. */
  replaced(worker: number): void;
  /** A worker starts; the pool records its counts in the account, and closes it when it ends. */
  open(): Account;
}

const NO_OBSERVER: PoolObserver = {
  replaced() {},
  open: () => ({ record() {}, close() {} }),
};

/** From one tick to the next, in milliseconds. */
const TICK_MS = 1_000;
/** How long a worker may take until it serves, in ticks. */
const START_TICKS = 30;
/** How long a serving worker may leave a heartbeat without an answer, in ticks. */
const SILENCE_TICKS = 5;
/** How much longer than the grace period a worker may take to drain, in milliseconds. */
const DRAIN_MARGIN_MS = 5_000;

/** What the functions below share. */
interface PoolState {
  readonly options: ServeOptions;
  readonly workerMemory: number;
  readonly handOver: HandOver;
  readonly say: (notice: Notice) => void;
  readonly observer: PoolObserver;
  readonly slots: readonly Slot[];
  /** Every process that has not ended. */
  readonly workers: Set<Worker>;
  /** Settles {@linkcode Pool.start}. */
  readonly startOutcome: PromiseWithResolvers<string | undefined>;
  /** The first worker has served. */
  started: boolean;
  draining: boolean;
}

/**
 * Makes a pool; nothing is started yet.
 *
 * @param handOver the workers that serve take their connections from it
 * @param say told what happens to the workers
 * @param observer told what metrics need to know of them
 */
export function openPool(
  options: ServeOptions,
  { workers, workerMemory }: PoolOptions,
  handOver: HandOver,
  say: (notice: Notice) => void,
  observer = NO_OBSERVER,
): Pool {
  const slots = Array.from(
    { length: workers },
    (_, index): Slot => ({ id: index + 1, backOff: openBackOff() }),
  );
  const pool: PoolState = {
    options,
    workerMemory,
    handOver,
    say,
    observer,
    slots,
    workers: new Set(),
    startOutcome: Promise.withResolvers(),
    started: false,
    draining: false,
  };
  return {
    start() {
      start(pool, slots[0]!);
      setInterval(() => tick(pool), TICK_MS);
      return pool.startOutcome.promise;
    },
    isServing: () => slots.some(({ current }) => current !== undefined),
    count: async () => {
      await Promise.all(workersIn(pool, "serving", "draining").map(askToCount));
    },
    drain: (graceMs) => drainAll(pool, graceMs),
    reload: async (what) => {
      const faults = workersIn(pool, "serving").map((worker) => askToReload(worker, what, say));
      return new Set((await Promise.all(faults)).flat());
    },
    end: () => end(pool),
  };
}

function workersIn({ workers }: PoolState, ...states: Worker["state"][]): Worker[] {
  return [...workers].filter(({ state }) => states.includes(state));
}

/** Starts a worker in a slot. */
function start(pool: PoolState, slot: Slot): void {
  const { id } = slot;
  const task = { worker: id, options: pool.options };
  const process = startWorker(task, (event) => receive(pool, worker, event));
  const worker: Worker = {
    id,
    pid: process.pid,
    process,
    slot,
    account: pool.observer.open(),
    state: "starting",
    ticksLeft: START_TICKS,
    rss: 0,
    heartbeatInFlight: false,
  };
  slot.restart = undefined;
  slot.next = worker;
  pool.workers.add(worker);
  void process.ended.then((end) => ended(pool, worker, end));
}

function receive(pool: PoolState, worker: Worker, event: WorkerEvent): void {
  switch (event.kind) {
    case "ready":
      return becomeServing(pool, worker);
    case "failed":
      worker.fault = event.reason;
      return;
    case "recycle":
      return recycle(pool, worker, "it was asked to end");
  }
}

function becomeServing(pool: PoolState, worker: Worker): void {
  if (pool.draining || worker.state !== "starting") return;
  const { slot } = worker;
  const predecessor = slot.current;
  worker.state = "serving";
  renew(worker);
  void askHeartbeat(pool, worker);
  slot.current = worker;
  slot.next = undefined;
  pool.handOver.add(worker.process);
  pool.say(workerStarted(worker));
  if (predecessor) {
    pool.observer.replaced(slot.id);
    void drain(pool, predecessor, pool.options.graceMs, true);
  }
  if (!pool.started) {
    pool.started = true;
    pool.startOutcome.resolve(undefined);
    pool.slots.slice(1).forEach((other) => start(pool, other));
  }
  recycleNext(pool);
}

/** Asks for a heartbeat, unless the worker has not answered the last request yet. */
async function askHeartbeat(pool: PoolState, worker: Worker): Promise<void> {
  if (worker.heartbeatInFlight) return;
  worker.heartbeatInFlight = true;
  const heartbeat = await worker.process.ask({ kind: "heartbeat" });
  if (!heartbeat) return;
  worker.heartbeatInFlight = false;
  worker.rss = heartbeat.rss;
  if (worker.state !== "serving") return;
  renew(worker);
  if (worker.rss > pool.workerMemory) {
    recycle(pool, worker, overLimit(worker.rss, pool.workerMemory));
  }
}

/** One tick more than a worker may be silent, since the next heartbeat is asked for at the next tick. */
function renew(worker: Worker): void {
  worker.ticksLeft = 1 + SILENCE_TICKS;
}

/** Has a worker replaced when its turn comes. */
function recycle(pool: PoolState, worker: Worker, why: string): void {
  worker.recycleReason ??= why;
  recycleNext(pool);
}

/** Recycles one worker at a time: successor and predecessor both need memory for a while. */
function recycleNext(pool: PoolState): void {
  if (pool.draining || pool.slots.some(isBeingReplaced)) return;
  const worker = pool.slots.find(({ current }) => current?.recycleReason !== undefined)?.current;
  if (!worker) return;
  pool.say(workerRecycled(worker, worker.recycleReason!, worker.rss));
  start(pool, worker.slot);
}

/** Drains a worker that serves; for one that drains already, waits for the same drain. */
function drain(
  pool: PoolState,
  worker: Worker,
  graceMs: number,
  replaced: boolean,
): Promise<Drained | undefined> {
  if (worker.state === "serving") {
    // The channel keeps the order: a connection handed over before reaches the worker before this.
    pool.handOver.remove(worker.process);
    worker.state = "draining";
    worker.ticksLeft = Math.ceil((graceMs + DRAIN_MARGIN_MS) / TICK_MS);
    worker.drained = askToDrain(worker, graceMs, replaced);
  }
  return worker.drained ?? Promise.resolve(undefined);
}

async function drainAll(pool: PoolState, graceMs: number): Promise<DrainOutcome> {
  pool.draining = true;
  for (const { next, restart } of pool.slots) {
    clearTimeout(restart);
    next?.process.kill();
  }
  const leaving = [...pool.workers].filter((worker) => worker.slot.next !== worker);
  const drained = await Promise.all(leaving.map((worker) => drain(pool, worker, graceMs, false)));
  await Promise.all(leaving.map(({ process }) => process.ended));
  return {
    cancelled: drained.reduce((sum, one) => sum + (one?.cancelled ?? 0), 0),
    died: drained.filter((one) => one === undefined).length,
  };
}

async function end(pool: PoolState): ReturnType<Pool["end"]> {
  // Nothing is replaced any more.
  pool.draining = true;
  pool.slots.forEach(({ restart }) => clearTimeout(restart));
  const asked = workersIn(pool, "serving", "draining").map(askForCallsInFlight);
  const calls = await Promise.all(asked);
  pool.workers.forEach(({ process }) => process.kill());
  const cancelled = calls.reduce<number>((sum, one) => sum + (one ?? 0), 0);
  return calls.includes(undefined) ? { cancelled, unknown: true } : { cancelled };
}

function tick(pool: PoolState): void {
  for (const worker of pool.workers) {
    if (--worker.ticksLeft <= 0) giveUp(pool, worker);
    if (worker.state === "serving") void askHeartbeat(pool, worker);
  }
}

function giveUp(pool: PoolState, worker: Worker): void {
  switch (worker.state) {
    case "starting":
      worker.fault ??= `it did not serve within ${START_TICKS} s`;
      return kill(pool, worker);
    case "serving":
      // One at a time: where all workers hang, the next is killed once a successor serves.
      if (pool.slots.some((slot) => slot !== worker.slot && isBeingReplaced(slot))) return;
      pool.say(workerHung(worker, SILENCE_TICKS));
      return kill(pool, worker);
    case "draining":
      return kill(pool, worker);
    case "killed":
  }
}

function kill(pool: PoolState, worker: Worker): void {
  worker.state = "killed";
  // A connection that the worker has not acknowledged comes back once the worker has ended.
  pool.handOver.remove(worker.process);
  worker.process.kill();
}

async function ended(pool: PoolState, worker: Worker, end: WorkerEnd): Promise<void> {
  pool.workers.delete(worker);
  pool.handOver.remove(worker.process);
  const drained = await worker.drained;
  worker.account.close();
  if (worker.drained !== undefined) {
    pool.say(workerDrained(worker, drained ? undefined : end.how));
  } else if (!pool.draining) {
    died(pool, worker, end);
  }
}

/** Replaces a worker that was not asked to drain. */
function died(pool: PoolState, worker: Worker, { how, livedMs }: WorkerEnd): void {
  const { slot } = worker;
  const reason = worker.fault ?? how;
  // If the first worker cannot start, the others could not either: the server ends.
  if (!pool.started) return pool.startOutcome.resolve(reason);
  if (slot.current === worker) {
    slot.current = undefined;
    pool.observer.replaced(slot.id);
  }
  if (slot.next === worker) slot.next = undefined;
  const waitMs = slot.backOff.died(livedMs);
  pool.say(workerDied(worker, how, reason, waitMs));
  if (!slot.next) slot.restart ??= setTimeout(() => start(pool, slot), waitMs);
}
