import type { Account } from "../telemetry/ledger.ts";
import type { Notice } from "../server/events.ts";
import { askToCount, askToDrain, askToReload } from "./requests.ts";
import type { HandOver } from "./hand_over.ts";
import { isBeingReplaced, type Member, openBackOff, type Place } from "./worker_state.ts";
import type { ServeOptions } from "./options.ts";
import type { Drained } from "./messages.ts";
import {
  overLimit,
  workerDied,
  workerDrained,
  workerHung,
  type WorkerIdentity,
  workerRecycled,
  workerStarted,
} from "./notices.ts";
import { startWorker, type WorkerEnd, type WorkerEvent } from "./worker_process.ts";

/** What a pool of workers is to be. */
export interface PoolOptions {
  /** How many workers serve at the same time. */
  readonly workers: number;
  /** A worker whose memory passes this is replaced, in bytes. */
  readonly workerMemory: number;
}

/** A worker as others see it. */
export interface WorkerState extends WorkerIdentity {
  /** Its memory (resident set size) in bytes, not older than about a second. */
  readonly rss: number;
  /** How often it was replaced. */
  readonly restarts: number;
}

/** How the drain of a pool ended. */
export interface PoolDrained extends Drained {
  /** How many workers ended before they had drained. */
  readonly died: number;
}

/** Workers that serve together, and are replaced when they die, hang or grow. */
export interface Pool {
  /**
   * Starts the first worker and, once it serves, the others.
   *
   * @returns why it could not serve, or undefined when it does
   */
  start(): Promise<string | undefined>;
  /** Those that serve now. */
  list(): WorkerState[];
  /** Has the workers tell what they have counted; one that takes longer than 1 s is not waited for. */
  count(): Promise<void>;
  /** Replaces none any more and waits until all have drained and ended. */
  drain(graceMs: number): Promise<PoolDrained>;
  /**
   * Makes those that serve read the TLS files again; one that takes longer than 1 s is not waited
   * for.
   *
   * @returns what did not go well, each reason once
   */
  reload(): Promise<Set<string>>;
  /** Ends all at once. */
  kill(): void;
}

/** What is told of a pool's workers to those who count. */
export interface PoolObserver {
  /** A worker was replaced, whatever the reason. */
  replaced(worker: number): void;
  /** A process starts; what it counts goes into the account, which closes when it has ended. */
  open(): Account;
}

const NOBODY: PoolObserver = {
  replaced() {},
  open: () => ({ record() {}, close() {} }),
};

/** From one tick to the next, in milliseconds. */
const TICK_MS = 1_000;
/** How long a worker may take until it serves, in ticks. */
const START_TICKS = 30;
/** How long one that serves may leave it without an answer, in ticks. */
const SILENCE_TICKS = 5;
/** How much longer than the grace period a worker may take to drain, in milliseconds. */
const DRAIN_MARGIN_MS = 5_000;

/**
 * Makes a pool; nothing is started yet. What can become of its workers is a table in member.ts.
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
  observer = NOBODY,
): Pool {
  const places = Array.from(
    { length: workers },
    (_, index): Place => ({ id: index + 1, backOff: openBackOff(), restarts: 0 }),
  );
  const members = new Set<Member>();
  const { promise: firstOutcome, resolve: decide } = Promise.withResolvers<string | undefined>();
  let started = false;
  let draining = false;

  function start(place: Place): void {
    const { id } = place;
    const process = startWorker({ worker: id, options }, (event) => receive(member, event));
    const member: Member = {
      id,
      pid: process.pid,
      process,
      place,
      account: observer.open(),
      state: "starting",
      ticks: START_TICKS,
      rss: 0,
      asked: false,
    };
    place.pause = undefined;
    place.next = member;
    members.add(member);
    void process.ended.then((end) => ended(member, end));
  }

  function receive(member: Member, event: WorkerEvent): void {
    switch (event.kind) {
      case "ready":
        return serves(member);
      case "failed":
        member.fault = event.reason;
        return;
      case "recycle":
        return retire(member, "it was asked to end");
    }
  }

  /** Asks for a report, unless one is still to come. */
  async function look(member: Member): Promise<void> {
    if (member.asked) return;
    member.asked = true;
    const report = await member.process.ask({ kind: "heartbeat" });
    if (!report) return;
    member.asked = false;
    member.rss = report.rss;
    if (member.state !== "serving") return;
    renew(member);
    if (report.rss > workerMemory) retire(member, overLimit(report.rss, workerMemory));
  }

  /** With the next tick it is asked again. */
  function renew(member: Member): void {
    member.ticks = 1 + SILENCE_TICKS;
  }

  function serves(member: Member): void {
    if (draining || member.state !== "starting") return;
    const { place } = member;
    const before = place.current;
    member.state = "serving";
    renew(member);
    void look(member);
    place.current = member;
    place.next = undefined;
    handOver.add(member.process);
    say(workerStarted(member));
    if (before) leave(before);
    if (!started) {
      started = true;
      decide(undefined);
      places.slice(1).forEach(start);
    }
    retireNext();
  }

  function countRestart(place: Place): void {
    place.restarts++;
    observer.replaced(place.id);
  }

  function leave(member: Member): void {
    countRestart(member.place);
    void drain(member, options.graceMs, true);
  }

  function drain(
    member: Member,
    graceMs: number,
    replaced: boolean,
  ): Promise<Drained | undefined> {
    if (member.state === "serving") {
      // What was handed over before reaches the worker before the request does.
      handOver.remove(member.process);
      member.state = "draining";
      member.ticks = Math.ceil((graceMs + DRAIN_MARGIN_MS) / TICK_MS);
      member.drained = askToDrain(member, graceMs, replaced);
    }
    return member.drained ?? Promise.resolve(undefined);
  }

  function retire(member: Member, why: string): void {
    member.retired ??= why;
    retireNext();
  }

  /** One at a time: two successors at once would come on top of the memory that is too much. */
  function retireNext(): void {
    if (draining || places.some(isBeingReplaced)) return;
    const member = places.find(({ current }) => current?.retired !== undefined)?.current;
    if (!member) return;
    say(workerRecycled(member, member.retired!, member.rss));
    start(member.place);
  }

  function kill(member: Member): void {
    member.state = "killed";
    // A connection that it has not accepted comes back once it has ended.
    handOver.remove(member.process);
    member.process.kill();
  }

  function tick(): void {
    for (const member of members) {
      if (--member.ticks <= 0) giveUp(member);
      if (member.state === "serving") void look(member);
    }
  }

  function giveUp(member: Member): void {
    switch (member.state) {
      case "starting":
        member.fault ??= `it did not serve within ${START_TICKS} s`;
        return kill(member);
      case "serving":
        // One at a time: where all hang, the next one waits until this one's successor serves.
        if (places.some((place) => place !== member.place && isBeingReplaced(place))) return;
        say(workerHung(member, SILENCE_TICKS));
        return kill(member);
      case "draining":
        return kill(member);
      case "killed":
    }
  }

  async function ended(member: Member, end: WorkerEnd): Promise<void> {
    members.delete(member);
    handOver.remove(member.process);
    const drained = await member.drained;
    member.account.close();
    if (member.drained !== undefined) {
      say(workerDrained(member, drained ? undefined : end.how));
    } else if (!draining) {
      died(member, end);
    }
  }

  function died(member: Member, { how, livedMs }: WorkerEnd): void {
    const { place } = member;
    const reason = member.fault ?? how;
    // The first of all tells whether the others would start.
    if (!started) return decide(reason);
    if (place.current === member) {
      place.current = undefined;
      countRestart(place);
    }
    if (place.next === member) place.next = undefined;
    const waitMs = place.backOff.died(livedMs);
    say(workerDied(member, how, reason, waitMs));
    if (!place.next) place.pause ??= setTimeout(() => start(place), waitMs);
  }

  return {
    start() {
      start(places[0]!);
      setInterval(tick, TICK_MS);
      return firstOutcome;
    },
    list: () =>
      places.flatMap(({ current, restarts }) =>
        current ? [{ id: current.id, pid: current.pid, rss: current.rss, restarts }] : []
      ),
    async count() {
      const able = [...members].filter(({ state }) => state === "serving" || state === "draining");
      await Promise.all(able.map(askToCount));
    },
    async drain(graceMs) {
      draining = true;
      for (const { next, pause } of places) {
        clearTimeout(pause);
        next?.process.kill();
      }
      const leaving = [...members].filter((member) => member.place.next !== member);
      const drained = await Promise.all(leaving.map((member) => drain(member, graceMs, false)));
      await Promise.all(leaving.map(({ process }) => process.ended));
      return {
        cancelled: drained.reduce((sum, one) => sum + (one?.cancelled ?? 0), 0),
        died: drained.filter((one) => one === undefined).length,
      };
    },
    async reload() {
      const serving = [...members].filter(({ state }) => state === "serving");
      const faults = await Promise.all(serving.map((member) => askToReload(member, say)));
      return new Set(faults.flat());
    },
    kill: () => members.forEach(({ process }) => process.kill()),
  };
}
