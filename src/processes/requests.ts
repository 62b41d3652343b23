/** The requests of the supervisor to a worker: how long it waits for an answer, and what it does with it. */
import { setTimeout as delay } from "node:timers/promises";
import type { Notice } from "../contract/events.ts";
import type { Worker } from "./worker_state.ts";
import { type ReloadedFiles, workerIsSilent, workerReloadedLate } from "./notices.ts";
import type { Drained } from "./messages.ts";

/**
 * Asks a worker to drain; with its answer comes what it has counted.
 *
 * @returns how the drain ended, or undefined if the worker ended before
 */
export async function askToDrain(
  { process, account }: Worker,
  graceMs: number,
  replaced: boolean,
): Promise<Drained | undefined> {
  const drained = await process.ask({ kind: "drain", graceMs, replaced });
  if (drained?.metrics) account.record(drained.metrics);
  return drained;
}

/** Asks a worker what it has counted; waits for it no longer than 1 s. */
export async function askToCount({ process, account }: Worker): Promise<void> {
  await inTime(
    process.ask({ kind: "metrics" }).then((counted) => {
      if (counted) account.record(counted);
    }),
  );
}

/**
 * Asks a worker how many calls it has; waits for it no longer than 1 s.
 *
 * @returns undefined if it has not answered; 0 if it has ended
 */
export async function askForCallsInFlight({ process }: Worker): Promise<number | undefined> {
  const answer = await inTime(process.ask({ kind: "heartbeat" }));
  return answer === LATE ? undefined : answer?.calls ?? 0;
}

/**
 * Asks a worker to read files again; waits for it no longer than 1 s.
 *
 * @param say told of an answer that comes later
 * @returns what did not go well
 */
export async function askToReload(
  worker: Worker,
  what: ReloadedFiles,
  say: (notice: Notice) => void,
): Promise<string[]> {
  const asked = worker.process.ask({ kind: "reload", what });
  const answer = await inTime(asked);
  if (answer !== LATE) return answer?.faults ?? [];
  // A worker that ends without an answer is replaced by one that reads the files when it starts.
  void asked.then((late) => late && say(workerReloadedLate(worker, what, late.faults)));
  return [workerIsSilent(worker, what)];
}

/** What {@linkcode inTime} returns in place of an answer that has not come. */
const LATE = Symbol("late");

/** How long an answer of a worker is waited for, in milliseconds. */
const ANSWER_MS = 1_000;

/** Waits for an answer, but no longer than 1 s. The answer may still come. */
function inTime<T>(answer: Promise<T>): Promise<T | typeof LATE> {
  return Promise.race([answer, delay<typeof LATE>(ANSWER_MS, LATE)]);
}
