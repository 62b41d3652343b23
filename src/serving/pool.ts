import { formatMegabytes } from "../cli/size.ts";
import type { Snapshot } from "../metrics/aggregate.ts";
import type { Notice } from "../server/events.ts";
import { type BackOff, openBackOff } from "./back_off.ts";
import type { HandOver } from "./hand_over.ts";
import type { ServeOptions } from "./options.ts";
import type { Drained } from "./worker_messages.ts";
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
export interface WorkerState {
  /** From 1 up; the one that replaces it has the same. */
  readonly id: number;
  readonly pid: number;
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

/** Workers that serve together, and are replaced when they die or grow. */
export interface Pool {
  /**
   * Starts the first worker and, once it serves, the others.
   *
   * @returns why it could not serve, or undefined when it does
   */
  start(): Promise<string | undefined>;
  /** Those that serve now. */
  list(): WorkerState[];
  /** What the workers that run have counted, each one's apart; nothing where metrics are off. */
  metrics(): Promise<Snapshot[]>;
  /** Replaces none any more and waits until all have drained and ended. */
  drain(graceMs: number): Promise<PoolDrained>;
  /**
   * Makes those that serve read the TLS files again.
   *
   * @returns why those in use stay where they do, each reason once
   */
  reload(): Promise<Set<string>>;
  /** Ends all at once. */
  kill(): void;
}

/** What is told of a pool's workers to those who count. */
export interface PoolObserver {
  /** A worker was replaced, whatever the reason. */
  replaced(worker: number): void;
  /** A worker has ended; this is what it had counted when it was last asked. */
  ended(last: Snapshot): void;
}

type Timer = ReturnType<typeof setTimeout>;

/** What one worker after another fills. */
interface Place {
  readonly id: number;
  readonly backOff: BackOff;
  restarts: number;
  /** The worker that serves. */
  current?: Member | undefined;
  /** The worker that starts. */
  next?: Member | undefined;
  /** Will start one, after deaths in a row. */
  pause?: Timer | undefined;
}

/** One process in a place. */
interface Member {
  readonly process: WorkerProcess;
  readonly place: Place;
  rss: number;
  /** What it had counted when it was last asked. */
  counted?: Snapshot | undefined;
  /** Why it cannot serve, if it has said so. */
  fault?: string;
  /** Why it is to be replaced. */
  retired?: string;
  /** It was asked to drain; undefined if it has ended without an answer. */
  drained?: Promise<Drained | undefined>;
  /** Kills it when it takes too long to start or to drain. */
  deadline?: Timer;
}

/** How long a worker may take until it serves, in milliseconds. */
const START_MS = 30_000;
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
  observer: PoolObserver = { replaced() {}, ended() {} },
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
    const process = startWorker({ worker: place.id, options }, (news) => hear(member, news));
    const member: Member = { process, place, rss: 0 };
    place.pause = undefined;
    place.next = member;
    members.add(member);
    limit(member, START_MS);
    void process.ended.then((end) => ended(member, end));
  }

  function limit(member: Member, ms: number): void {
    clearTimeout(member.deadline);
    member.deadline = setTimeout(() => member.process.kill(), ms);
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
      case "memory":
        member.rss = news.rss;
        if (news.rss > workerMemory) retire(member, overLimit(news.rss, workerMemory));
    }
  }

  function serves(member: Member): void {
    if (draining) return;
    const { place } = member;
    const before = place.current;
    clearTimeout(member.deadline);
    place.current = member;
    place.next = undefined;
    handOver.add(member.process);
    say(aboutWorker("worker_started", member, "has started"));
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
    // What was handed over before reaches the worker before the request does.
    handOver.remove(member.process);
    if (member.drained === undefined) limit(member, graceMs + DRAIN_MARGIN_MS);
    return member.drained ??= member.process.ask({ kind: "drain", graceMs, replaced });
  }

  /** Asks a worker what it has counted. One that drains will tell with its last answer. */
  async function count(member: Member): Promise<Snapshot | undefined> {
    if (member.drained !== undefined || member.place.next === member) return member.counted;
    return member.counted = await member.process.ask({ kind: "metrics" }) ?? member.counted;
  }

  function retire(member: Member, why: string): void {
    if (member.place.current !== member) return;
    member.retired ??= why;
    retireNext();
  }

  /** One at a time: two successors at once would come on top of the memory that is too much. */
  function retireNext(): void {
    if (draining || places.some(({ next, pause }) => next ?? pause)) return;
    const member = places.find(({ current }) => current?.retired !== undefined)?.current;
    if (!member) return;
    say(aboutWorker("worker_recycled", member, `is replaced: ${member.retired}`, {
      rss: member.rss,
    }));
    start(member.place);
  }

  async function ended(member: Member, end: WorkerEnd): Promise<void> {
    const { process } = member;
    members.delete(member);
    clearTimeout(member.deadline);
    handOver.remove(process);
    const drained = await member.drained;
    const counted = drained?.metrics ?? member.counted;
    if (counted) observer.ended(counted);
    if (member.drained !== undefined) {
      say(aboutWorker("worker_exited", member, drained ? "has drained" : `has ended: ${end.how}`));
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
    const when = waitMs === 0 ? "at once" : `in ${waitMs / 1000} s`;
    const text = `has ended: ${reason}; another starts ${when}`;
    say({ ...aboutWorker("worker_exited", member, text, { how }), level: "error" });
    if (!place.next) place.pause ??= setTimeout(() => start(place), waitMs);
  }

  return {
    start() {
      start(places[0]!);
      return firstOutcome;
    },
    list: () =>
      places.flatMap(({ id, current, restarts }) =>
        current ? [{ id, pid: current.process.pid, rss: current.rss, restarts }] : []
      ),
    async metrics() {
      const snapshots = await Promise.all([...members].map(count));
      return snapshots.filter((snapshot) => snapshot !== undefined);
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
      const serving = places.flatMap(({ current }) => current ?? []);
      const answers = await Promise.all(
        serving.map(({ process }) => process.ask({ kind: "reload" })),
      );
      return new Set(answers.flatMap((answer) => answer?.faults ?? []));
    },
    kill: () => members.forEach(({ process }) => process.kill()),
  };
}

function overLimit(rss: number, limit: number): string {
  return `its memory, ${formatMegabytes(rss)}, is over ${formatMegabytes(limit)}`;
}

function aboutWorker(
  event: string,
  { place, process }: Member,
  text: string,
  fields: Notice["fields"] = {},
): Notice {
  return {
    level: "info",
    event,
    message: `worker ${place.id} (process ${process.pid}) ${text}`,
    fields: { worker: place.id, pid: process.pid, ...fields },
  };
}
