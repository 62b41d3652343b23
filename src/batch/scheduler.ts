import { lengthOf } from "../client/answer_context.ts";
import type { Pace } from "./pace.ts";
import type { CallResult, MakeCall } from "./result.ts";

/** How the calls of a batch are scheduled. */
interface ScheduleOptions {
  /** How many calls are in flight at most. */
  readonly concurrency: number;
  /** When calls start; undefined: as soon as they may. */
  readonly pace: Pace | undefined;
  /** How long calls start, in milliseconds; undefined: until there are no more names. */
  readonly durationMs: number | undefined;
  /** Whether the result of the first call that fails is the last one. */
  readonly failFast: boolean;
  /** Stops the batch: calls in flight are abandoned, results that are there are still yielded. */
  readonly signal: AbortSignal;
}

/** How many calls may have started whose results were not taken: the first of them may be slow. */
const WINDOW = 1_024;

/** The same at a pace, which a slow call must not change: 6.5 s of 10,000 calls a second. */
const WINDOW_AT_PACE = 65_536;

/** How long before its time a call may start, in milliseconds: timers fire up to so much too late. */
const EARLY_MS = 1;

/**
 * How many calls start in one turn of the event loop. grpc-js does its steps for all
 * calls of a turn side by side, so that the first leaves the process when the last does: where all that
 * the window had room for started in one turn, client and server took turns at waiting, and 40,000 calls
 * took 6.6 s instead of 5.4 (minima of six interleaved runs, Deno 2.9.2, 2 cores; 8 and 32 are no better).
 */
const STARTED_PER_TURN = 16;

/** No further call starts while the names and answers of the window have more characters. */
const MAX_BUFFERED = 8 << 20;

interface StartedCall {
  result?: CallResult;
  /** How many characters its name and answer have. */
  size: number;
}

/** A batch that runs. */
interface Run {
  readonly call: MakeCall;
  readonly options: ScheduleOptions;
  /** The calls that have started and whose results were not taken, in the order of the names. */
  readonly window: StartedCall[];
  /** How many of them have not ended. */
  inFlight: number;
  /** How many characters their names and answers have. */
  buffered: number;
  /** No further call starts. */
  stopped: boolean;
  /** Set once all names were read, cannot be, or are no longer wanted. */
  read?: { readonly error?: unknown };
  /** When no further call starts, by `performance.now()`. */
  readonly endMs: number;
  /** Notified when a further call may start, or the batch stops. */
  readonly capacity: Condition;
  /** Notified when the first call of the window ends, no name is to come, or the batch stops. */
  readonly progress: Condition;
}

/**
 * Makes a call for each name, many at a time, and yields the results in the order of the names, as
 * soon as they are ready: each array holds at least one.
 *
 * Memory stays bounded whatever the number of names: they are read only as fast as results are
 * taken.
 *
 * @throws whatever reading the names throws, after the results of those that were read
 */
export async function* callEach(
  names: AsyncIterable<readonly string[]>,
  call: MakeCall,
  options: ScheduleOptions,
): AsyncGenerator<CallResult[], void, void> {
  const { durationMs, signal } = options;
  const run: Run = {
    call,
    options,
    window: [],
    inFlight: 0,
    buffered: 0,
    stopped: false,
    // From when the first call is due: a moment later it would be one call more.
    endMs: (options.pace?.dueMs ?? performance.now()) + (durationMs ?? Infinity),
    capacity: condition(),
    progress: condition(),
  };
  const onAbort = () => stop(run);
  signal.addEventListener("abort", onAbort);
  startAll(run, names)
    .then(() => run.read ??= {}, (error) => run.read ??= { error })
    .then(run.progress.notify);
  // It also ends a batch that waits for a name.
  const timer = durationMs && setTimeout(() => {
    run.read ??= {};
    stop(run);
  }, durationMs);
  try {
    yield* takeAll(run);
  } finally {
    clearTimeout(timer);
    stop(run);
    signal.removeEventListener("abort", onAbort);
  }
}

async function startAll(run: Run, names: AsyncIterable<readonly string[]>): Promise<void> {
  const { pace } = run.options;
  let started = 0, askedMs = performance.now();
  for await (const list of names) {
    pace?.namesCame(askedMs);
    for (const name of list) {
      if (pace) {
        // By the time at which it is due: a batch that is late makes as many calls as one that is not.
        if (pace.dueMs >= run.endMs) return;
        await untilDue(run, pace);
      }
      while (!run.stopped && isFull(run)) await run.capacity.wait();
      if (run.stopped) return;
      startCall(run, name);
      if (++started % STARTED_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    askedMs = performance.now();
  }
}

async function untilDue(run: Run, pace: Pace): Promise<void> {
  for (;;) {
    const leftMs = pace.dueMs - performance.now();
    if (leftMs <= EARLY_MS || run.stopped) return;
    const timer = setTimeout(run.capacity.notify, leftMs);
    await run.capacity.wait();
    clearTimeout(timer);
  }
}

function isFull({ inFlight, window, buffered, options: { concurrency, pace } }: Run): boolean {
  return inFlight >= concurrency || buffered >= MAX_BUFFERED ||
    window.length >= (pace ? WINDOW_AT_PACE : WINDOW);
}

function startCall(run: Run, name: string): void {
  const started: StartedCall = { size: name.length };
  run.window.push(started);
  run.inFlight++;
  run.buffered += started.size;
  const startMs = run.options.pace?.begin() ?? performance.now();
  run.call(name, startMs).then((result) => {
    const nameSize = started.size;
    started.result = result;
    started.size = sizeOf(result);
    run.inFlight--;
    run.buffered += started.size - nameSize;
    if ("failure" in result && run.options.failFast) run.stopped = true;
    run.capacity.notify();
    if (started === run.window[0]) run.progress.notify();
  });
}

async function* takeAll(run: Run): AsyncGenerator<CallResult[], void, void> {
  const { window, options: { failFast, signal } } = run;
  while (true) {
    if (window[0]?.result !== undefined) {
      // Results that come in the same turn of the event loop are taken together.
      await new Promise((resolve) => setTimeout(resolve, 0));
      const results = take(run);
      yield results;
      if (failFast && "failure" in results.at(-1)!) return;
    } else if (signal.aborted) {
      const results = window.flatMap(({ result }) => result ?? []);
      if (results.length > 0) yield results;
      return;
    } else if (run.read !== undefined && window.length === 0) {
      if ("error" in run.read) throw run.read.error;
      return;
    } else {
      await run.progress.wait();
    }
  }
}

/** Takes the results from the start of the window, up to the first call that has not ended. */
function take(run: Run): CallResult[] {
  const { window, options: { failFast } } = run;
  const results: CallResult[] = [];
  for (const { result, size } of window) {
    if (result === undefined) break;
    results.push(result);
    run.buffered -= size;
    if (failFast && "failure" in result) break;
  }
  window.splice(0, results.length);
  run.capacity.notify();
  return results;
}

function stop(run: Run): void {
  run.stopped = true;
  run.capacity.notify();
  run.progress.notify();
}

/** How many characters a result keeps, about. */
function sizeOf(result: CallResult): number {
  const { username, context } = result;
  const answer = "message" in result ? result.message : result.failure.reason;
  const entries = context ? lengthOf(context.metadata) + lengthOf(context.trailers) : 0;
  return username.length + answer.length + entries;
}

/** Something that one waits for, to look again when it is notified. */
interface Condition {
  wait(): Promise<void>;
  notify(): void;
}

function condition(): Condition {
  let wake = () => {};
  return {
    wait: () => new Promise((resolve) => wake = resolve),
    notify: () => wake(),
  };
}
