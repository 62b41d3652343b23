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
 * In each of them it may end, and leaves the table (`ended`). Each place is filled by one that serves,
 * its `current`, and by one that starts, its `next`; one that drains has left it.
 *
 * Seconds are the supervisor's own: each of its ticks is one, however late it comes. A machine that
 * slept, or a supervisor that was stopped or got no time, must not take that for silence of the workers.
 */
import type { Account } from "../metrics/ledger.ts";
import type { Notice } from "../server/events.ts";
import { type BackOff, openBackOff } from "./back_off.ts";
import type { HandOver } from "./hand_over.ts";
import { inTime, LATE } from "./in_time.ts";
import type { ServeOptions } from "./options.ts";
import { reloadAnswered, workerIsSilent } from "./reload.ts";
import type { Drained } from "./worker_messages.ts";
import {
  type Named,
  overLimit,
  workerDied,
  workerDrained,
  workerHung,
  workerRecycled,
  workerStarted,
} from "./worker_notices.ts";
import {
  startWorker,
  type WorkerEnd,
  type WorkerNews,
  type WorkerProcess,
} from "./worker_process.ts";

/** What a pool of workers is to be. */
export interface PoolOptions {
  /** How many workers serve at the same time. */
  readonly workers: number;
  /** A worker whose memory passes this is replaced, in bytes. */
  readonly workerMemory: number;
}

/** A worker as others see it. */
export interface WorkerState extends Named {
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

/** What one worker after another fills. */
interface Place {
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
interface Member extends Named {
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

/** From one tick to the next, in milliseconds. */
const TICK_MS = 1_000;
/** How long a worker may take until it serves, in ticks. */
const START_TICKS = 30;
/** How long one that serves may leave it without an answer, in ticks. */
const SILENCE_TICKS = 5;
/** How much longer than the grace period a worker may take to drain, in milliseconds. */
const DRAIN_MARGIN_MS = 5_000;

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
    const process = startWorker({ worker: id, options }, (news) => hear(member, news));
    const member: Member = {
      ...{ id, pid: process.pid, process, place, account: observer.open() },
      ...{ state: "starting", ticks: START_TICKS, rss: 0, asked: false },
    };
    place.pause = undefined;
    place.next = member;
    members.add(member);
    void process.ended.then((end) => ended(member, end));
  }

  function hear(member: Member, news: WorkerNews): void {
    switch (news.kind) {
      case "ready":
        return serves(member);
      case "failed":
        member.fault = news.reason;
        return;
      case "leave":
        return retire(member, "it was asked to end");
    }
  }

  /** Asks for a report, unless one is still to come. */
  async function look(member: Member): Promise<void> {
    if (member.asked) return;
    member.asked = true;
    const report = await member.process.ask({ kind: "report" });
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
      member.drained = lastAnswer(member, graceMs, replaced);
    }
    return member.drained ?? Promise.resolve(undefined);
  }

  async function lastAnswer({ process, account }: Member, graceMs: number, replaced: boolean) {
    const drained = await process.ask({ kind: "drain", graceMs, replaced });
    if (drained?.metrics) account.record(drained.metrics);
    return drained;
  }

  async function count({ process, account }: Member): Promise<void> {
    const counted = await process.ask({ kind: "metrics" });
    if (counted) account.record(counted);
  }

  async function reload(member: Member): Promise<string[]> {
    const asked = member.process.ask({ kind: "reload" });
    const answer = await inTime(asked);
    if (answer !== LATE) return answer?.faults ?? [];
    // One that ends without an answer has a successor, which reads the files when it starts.
    void asked.then((late) => late && say(reloadAnswered(member, late.faults)));
    return [workerIsSilent(member)];
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
      await Promise.all(able.map((member) => inTime(count(member))));
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
      return new Set((await Promise.all(serving.map(reload))).flat());
    },
    kill: () => members.forEach(({ process }) => process.kill()),
  };
}

/** Another one is to serve in this place. */
function isBeingReplaced({ current, next, pause }: Place): boolean {
  return next !== undefined || pause !== undefined || current?.state === "killed";
}
