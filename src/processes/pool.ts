/** A pool of workers: what is asked of all of them. How each comes and goes: worker_states.ts. */
import { setTimeout as delay } from "node:timers/promises";
import type { PoolMetrics } from "../telemetry/pool_metrics.ts";
import type { Notice } from "../contract/events.ts";
import type { ServingStatus } from "../contract/health_contract.ts";
import type { HandOver } from "./hand_over.ts";
import type { CutCalls, Drainable, DrainOutcome, ServeOptions } from "./lifecycle.ts";
import { RELOADED, reloaded, type ReloadedFiles, reloadFailed } from "./reload.ts";
import {
  count,
  drain,
  nameOf,
  openBackOff,
  type PoolState,
  type Slot,
  start,
  tick,
  TICK_MS,
  type Worker,
} from "./worker_states.ts";

/** What a pool of workers is to be. */
export interface PoolOptions {
  /** How many workers serve at the same time. */
  readonly workers: number;
  /** A worker whose memory passes this is recycled, in bytes. */
  readonly workerMemory: number;
}

/** Workers that serve together, and are replaced when they die, hang or grow. */
export interface Pool extends Drainable {
  /**
   * Starts the first worker and, once it serves, the others.
   *
   * @returns when the first one serves
   * @throws {ExpectedError} if it cannot serve
   */
  start(): Promise<void>;
  /** Asks the workers what they have counted, and waits at most 1 s for each answer. */
  count(): Promise<void>;
  /**
   * Has the serving workers reload files, and waits at most 1 s for each answer.
   *
   * @returns why files could not be reloaded, each reason once
   */
  reload(what: ReloadedFiles): Promise<readonly string[]>;
  /** What the health of the serving workers, and of those to come, says from now on. */
  setHealth(status: ServingStatus): void;
}

/**
 * Makes a pool; nothing is started yet.
 *
 * @param handOver the workers that serve take their connections from it
 * @param report takes the reports of what happens to the workers
 * @param metrics counts what they count; absent where metrics are off
 */
export function openPool(
  options: ServeOptions,
  { workers, workerMemory }: PoolOptions,
  handOver: HandOver,
  report: (notice: Notice) => void,
  metrics?: PoolMetrics,
): Pool {
  const slots = Array.from(
    { length: workers },
    (_, index): Slot => ({ id: index + 1, backOff: openBackOff() }),
  );
  const pool: PoolState = {
    options,
    workerMemory,
    handOver,
    report,
    metrics,
    slots,
    workers: new Set(),
    health: options.health ?? "SERVING",
    firstStart: Promise.withResolvers(),
    started: false,
    draining: false,
  };
  return {
    start() {
      start(pool, slots[0]!);
      setInterval(() => tick(pool), TICK_MS);
      return pool.firstStart.promise;
    },
    count: async () => {
      await Promise.all(workersIn(pool, "serving", "draining").map((one) => inTime(count(one))));
    },
    reload: async (what) => {
      const asked = workersIn(pool, "serving").map((worker) => reload(worker, what, report));
      return [...new Set((await Promise.all(asked)).filter((fault) => fault !== null))];
    },
    setHealth(status) {
      pool.health = status;
      for (const { process } of workersIn(pool, "serving")) void process.ask("setHealth", status);
    },
    drain: (graceMs) => drainAll(pool, graceMs),
    end: () => end(pool),
  };
}

function workersIn({ workers }: PoolState, ...states: Worker["state"][]): Worker[] {
  return [...workers].filter(({ state }) => states.includes(state));
}

/**
 * Has a worker reload files.
 *
 * @param report receives an answer that comes later than after 1 s
 * @returns what did not go well; null if nothing
 */
async function reload(
  worker: Worker,
  what: ReloadedFiles,
  report: (notice: Notice) => void,
): Promise<string | null> {
  const asked = worker.process.ask("reload", what);
  // Its reply shows that the worker has the request before: connections need not wait for the files.
  void worker.process.ask("heartbeat");
  // A worker that ends without an answer is replaced by one that reads the files when it starts.
  const fault = await inTime(asked.then((answer) => answer ?? null));
  if (fault !== undefined) return fault;
  const name = nameOf(worker);
  void asked.then((late) => {
    if (late === null) report(reloaded(what, ` of ${name}`));
    else if (late !== undefined) report(reloadFailed(what, `${name}: ${late}`));
  });
  return `${name} does not answer; it reads the ${RELOADED[what].files} ` +
    "when it answers again, or its replacement does";
}

/** Replaces no worker any more, and waits until all have drained and ended. */
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

/** Replaces no worker any more, and ends all of them after 1 s at most. */
async function end(pool: PoolState): Promise<CutCalls> {
  pool.draining = true;
  pool.slots.forEach(({ restart }) => clearTimeout(restart));
  const asked = workersIn(pool, "serving", "draining").map(({ process }) =>
    // A worker that ends instead has no calls.
    inTime(process.ask("heartbeat").then((heartbeat) => heartbeat?.calls ?? 0))
  );
  const calls = await Promise.all(asked);
  pool.workers.forEach(({ process }) => process.kill());
  const cancelled = calls.reduce<number>((sum, one) => sum + (one ?? 0), 0);
  return calls.includes(undefined) ? { cancelled, unknown: true } : { cancelled };
}

/** How long an answer of a worker is waited for, in milliseconds. */
const ANSWER_MS = 1_000;

/** Waits for an answer, but no longer than 1 s: it is undefined then. It may still come. */
function inTime<T>(answer: Promise<T>): Promise<T | undefined> {
  return Promise.race([answer, delay(ANSWER_MS, undefined)]);
}
