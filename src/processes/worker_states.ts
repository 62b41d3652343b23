/**
 * The workers of a pool, as a state machine. These are the states of a worker, and who moves it from one
 * to the next:
 *
 * | State    | The worker                   | Moves to | When, and in which function                       |
 * | -------- | ---------------------------- | -------- | ------------------------------------------------- |
 * | starting | reads its files              | serving  | it reports `ready`: `becomeServing`               |
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
 * the machine has slept, or the supervisor was stopped, it would make every worker look hung.
 */
import { formatMegabytes } from "../text/amounts.ts";
import type { Notice } from "../contract/events.ts";
import type { ServingStatus } from "../contract/health_contract.ts";
import type { PoolMetrics, WorkerMetrics } from "../telemetry/pool_metrics.ts";
import { ExpectedError } from "../text/errors.ts";
import type { HandOver } from "./hand_over.ts";
import type { DrainOutcome, ServeOptions } from "./lifecycle.ts";
import type { WorkerEvent } from "./link.ts";
import { startWorker, type WorkerEnd, type WorkerProcess } from "./start_worker.ts";

/** From one tick to the next, in milliseconds. */
export const TICK_MS = 1_000;
/** How long a worker may take until it serves, in ticks. */
const START_TICKS = 30;
/** How long a serving worker may leave a heartbeat without an answer, in ticks. */
const HEARTBEAT_TICKS = 5;
/** How much longer than the grace period a worker may take to drain, in milliseconds. */
const DRAIN_MARGIN_MS = 5_000;

/** One process of a pool. */
export interface Worker {
  readonly process: WorkerProcess;
  readonly slot: Slot;
  /** What it has counted; absent where metrics are off. */
  readonly metrics: WorkerMetrics | undefined;
  state: "starting" | "serving" | "draining" | "killed";
  /** How many ticks are left until the worker is killed, unless it answers before. */
  ticksLeft: number;
  /** Its memory (resident set size) in bytes, as of the last heartbeat. */
  rss: number;
  /** The worker has not answered the last request for a heartbeat yet. */
  heartbeatInFlight: boolean;
  /** Why it cannot serve, if it has failed or has not started in time. */
  fault?: string;
  /** Why it is to be recycled. */
  recycleReason?: string;
  /** How its drain ends: undefined if the worker ends without an answer. Absent before the drain. */
  drained?: Promise<DrainOutcome | undefined>;
}

/** A numbered slot of a pool, for one worker after another. A worker that drains has left its slot. */
export interface Slot {
  /** From 1 up. */
  readonly id: number;
  readonly backOff: BackOff;
  /** The worker that serves, or is killed because it hangs. */
  current?: Worker | undefined;
  /** The worker that starts. */
  next?: Worker | undefined;
  /** The timer that will start a worker, after several deaths in a row. */
  restart?: ReturnType<typeof setTimeout> | undefined;
}

/** What the functions of a pool share. */
export interface PoolState {
  readonly options: ServeOptions;
  /** A worker whose memory passes this is recycled, in bytes. */
  readonly workerMemory: number;
  /** The workers that serve take their connections from it. */
  readonly handOver: HandOver;
  /** Takes the reports of what happens to the workers. */
  readonly report: (notice: Notice) => void;
  /** Absent where metrics are off. */
  readonly metrics: PoolMetrics | undefined;
  readonly slots: readonly Slot[];
  /** Every process that has not ended. */
  readonly workers: Set<Worker>;
  /** What health says. */
  health: ServingStatus;
  /** Settles when the first worker serves, or has ended without. */
  readonly firstStart: PromiseWithResolvers<void>;
  /** The first worker has served. */
  started: boolean;
  draining: boolean;
}

/** Starts a worker in a slot. */
export function start(pool: PoolState, slot: Slot): void {
  const task = { worker: slot.id, options: pool.options };
  const process = startWorker(task, (event) => receive(pool, worker, event));
  const worker: Worker = {
    process,
    slot,
    metrics: pool.metrics?.open(),
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
  switch (event.event) {
    case "ready":
      if (worker.state === "starting" && !pool.draining) becomeServing(pool, worker);
      if (worker.state === "serving") pool.handOver.ready(worker.process);
      return;
    case "failed":
      worker.fault = event.reason;
      return worker.process.close();
    case "recycle":
      return recycle(pool, worker, "it was asked to end");
  }
}

function becomeServing(pool: PoolState, worker: Worker): void {
  const { slot } = worker;
  const predecessor = slot.current;
  worker.state = "serving";
  renew(worker);
  void askHeartbeat(pool, worker);
  // It may have changed since the worker was started; connections reach the worker later than this.
  void worker.process.ask("setHealth", pool.health);
  slot.current = worker;
  slot.next = undefined;
  report(pool, worker, { level: "info", event: "worker_started", message: "has started" });
  if (predecessor) {
    pool.metrics?.replaced(slot.id);
    void drain(pool, predecessor, pool.options.graceMs, true);
  }
  if (!pool.started) {
    pool.started = true;
    pool.firstStart.resolve();
    pool.slots.slice(1).forEach((other) => start(pool, other));
  }
  recycleNext(pool);
}

/** Asks for a heartbeat, unless the worker has not answered the last request yet. */
async function askHeartbeat(pool: PoolState, worker: Worker): Promise<void> {
  if (worker.heartbeatInFlight) return;
  worker.heartbeatInFlight = true;
  const heartbeat = await worker.process.ask("heartbeat");
  if (!heartbeat) return;
  const { rss } = heartbeat;
  worker.heartbeatInFlight = false;
  worker.rss = rss;
  if (worker.state !== "serving") return;
  renew(worker);
  const limit = pool.workerMemory;
  if (rss > limit) {
    const why = `its memory, ${formatMegabytes(rss)}, is over ${formatMegabytes(limit)}`;
    recycle(pool, worker, why);
  }
}

/** One tick more than a heartbeat may take, since the next one is asked for at the next tick. */
function renew(worker: Worker): void {
  worker.ticksLeft = 1 + HEARTBEAT_TICKS;
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
  report(pool, worker, {
    level: "info",
    event: "worker_recycled",
    message: `is replaced: ${worker.recycleReason}`,
    fields: { rss: worker.rss },
  });
  start(pool, worker.slot);
}

/** Whether another worker is to serve in this slot. */
function isBeingReplaced({ current, next, restart }: Slot): boolean {
  return next !== undefined || restart !== undefined || current?.state === "killed";
}

/**
 * Drains a worker that serves; for one that drains already, waits for the same drain.
 *
 * @returns undefined if the worker ends before it has drained
 */
export function drain(
  pool: PoolState,
  worker: Worker,
  graceMs: number,
  replaced: boolean,
): Promise<DrainOutcome | undefined> {
  if (worker.state === "serving") {
    // The link keeps the order: a connection handed over before reaches the worker before this.
    pool.handOver.remove(worker.process);
    worker.state = "draining";
    worker.ticksLeft = Math.ceil((graceMs + DRAIN_MARGIN_MS) / TICK_MS);
    worker.drained = askToDrain(worker, graceMs, replaced);
  }
  return worker.drained ?? Promise.resolve(undefined);
}

async function askToDrain(worker: Worker, graceMs: number, replaced: boolean) {
  const outcome = await worker.process.ask("drain", { graceMs, replaced });
  if (outcome === undefined) return undefined;
  void count(worker);
  worker.process.close();
  return outcome;
}

/** Asks a worker what it has counted, and records it. */
export async function count({ process, metrics }: Worker): Promise<void> {
  const counted = metrics && await process.ask("metrics");
  if (counted) metrics.record(counted);
}

/** Has the workers show that they are alive, and gives up those that do not. */
export function tick(pool: PoolState): void {
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
      report(pool, worker, {
        level: "error",
        event: "worker_hung",
        message: `has not answered for ${HEARTBEAT_TICKS} s, it is killed`,
      });
      return kill(pool, worker);
    case "draining":
      return kill(pool, worker);
    case "killed":
  }
}

function kill(pool: PoolState, worker: Worker): void {
  worker.state = "killed";
  // A connection that the worker has not taken comes back once the worker has ended.
  pool.handOver.remove(worker.process);
  worker.process.kill();
}

async function ended(pool: PoolState, worker: Worker, end: WorkerEnd): Promise<void> {
  pool.workers.delete(worker);
  pool.handOver.remove(worker.process);
  const drained = await worker.drained;
  worker.metrics?.close();
  if (worker.drained !== undefined) {
    const message = drained ? "has drained" : `has ended: ${end.how}`;
    report(pool, worker, { level: "info", event: "worker_exited", message });
  } else if (!pool.draining) {
    died(pool, worker, end);
  }
}

/** Replaces a worker that was not asked to drain. */
function died(pool: PoolState, worker: Worker, { how, livedMs }: WorkerEnd): void {
  const { slot } = worker;
  const reason = worker.fault ?? how;
  // If the first worker cannot start, the others could not either: the server ends.
  if (!pool.started) return pool.firstStart.reject(new ExpectedError(reason));
  if (slot.current === worker) {
    slot.current = undefined;
    pool.metrics?.replaced(slot.id);
  }
  if (slot.next === worker) slot.next = undefined;
  const waitMs = slot.backOff.died(livedMs);
  const when = waitMs === 0 ? "at once" : `in ${waitMs / 1000} s`;
  report(pool, worker, {
    level: "error",
    event: "worker_exited",
    message: `has ended: ${reason}; another starts ${when}`,
    fields: { how },
  });
  if (!slot.next) slot.restart ??= setTimeout(() => start(pool, slot), waitMs);
}

/** A worker in words: `worker 1 (process 4711)`. */
export function nameOf({ slot, process: { pid } }: Worker): string {
  return pid === 0 ? `worker ${slot.id}` : `worker ${slot.id} (process ${pid})`;
}

/** Reports on a worker; the message of the notice follows its name. */
function report(pool: PoolState, worker: Worker, { message, fields, ...notice }: Notice): void {
  pool.report({
    ...notice,
    message: `${nameOf(worker)} ${message}`,
    fields: { worker: worker.slot.id, pid: worker.process.pid, ...fields },
  });
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
interface BackOff {
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
