/** What a call is made with. */
export interface Named {
  readonly username: string;
}

/** How a call ended. */
export type Outcome<N extends Named> = {
  readonly name: N;
  /** From the start of the call to its end, in milliseconds. */
  readonly latencyMs: number;
} & ({ readonly message: string } | { readonly error: unknown });

/** How a batch is run. */
export interface BatchOptions {
  /** How many calls are under way at most. */
  readonly concurrency: number;
  /** Whether the first call that fails is the last one whose outcome is told. */
  readonly failFast: boolean;
  /** Stops the batch: calls under way are left alone, what was answered is still told. */
  readonly signal: AbortSignal;
}

/** How many calls may have begun of which no outcome was taken: what waits for a slow one before it. */
const WINDOW = 1_024;

/**
 * How many calls begin in one turn of the event loop. grpc-js and node:http2 do their steps for all
 * calls of a turn side by side, so that the first leaves the process when the last does: with all that
 * there was room for in one turn, client and server took turns at waiting, and 40,000 calls took 6.6 s
 * instead of 5.4 (minima of six interleaved runs, Deno 2.9.2, 2 cores; 8 and 32 are no better).
 */
const BEGUN_AT_ONCE = 16;

/** No further call begins while names and messages that wait to be taken have more characters. */
const MAX_HELD = 8 << 20;

interface Slot<N extends Named> {
  readonly name: N;
  outcome?: Outcome<N>;
}

/**
 * Makes a call for each name, many at a time, and tells the outcomes in the order of the names, as
 * soon as they are ready: each array holds at least one.
 *
 * Memory stays bounded whatever the number of names: they are read only as fast as outcomes are
 * taken.
 *
 * @param call rejects with the error of the outcome
 * @throws whatever reading the names throws, after the outcomes of those that were read
 */
export async function* callEach<N extends Named>(
  names: AsyncIterable<readonly N[]>,
  call: (name: N) => Promise<string>,
  { concurrency, failFast, signal }: BatchOptions,
): AsyncGenerator<Outcome<N>[], void, void> {
  /** The calls that have begun and whose outcome was not taken, in the order of the names. */
  const begun: Slot<N>[] = [];
  const progress = waitingRoom(), room = waitingRoom();
  let underWay = 0, held = 0, closed = false;
  let read: { readonly error?: unknown } | undefined;

  function begin(name: N): void {
    const slot: Slot<N> = { name };
    const start = performance.now();
    begun.push(slot);
    underWay++;
    held += name.username.length;
    const end = (result: { message: string } | { error: unknown }) => {
      slot.outcome = { name, latencyMs: performance.now() - start, ...result };
      underWay--;
      if ("message" in result) held += result.message.length;
      else if (failFast) closed = true;
      room.wake();
      if (slot === begun[0]) progress.wake();
    };
    call(name).then((message) => end({ message }), (error) => end({ error }));
  }

  async function beginAll(): Promise<void> {
    let calls = 0;
    for await (const some of names) {
      for (const name of some) {
        while (
          !closed && (underWay >= concurrency || begun.length >= WINDOW || held >= MAX_HELD)
        ) {
          await room.wait();
        }
        if (closed) return;
        begin(name);
        if (++calls % BEGUN_AT_ONCE === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  function take(): Outcome<N>[] {
    let count = 0;
    while (begun[count]?.outcome !== undefined) {
      const failed = "error" in begun[count]!.outcome!;
      count++;
      if (failed && failFast) break;
    }
    const taken = begun.splice(0, count).map((slot) => slot.outcome!);
    for (const outcome of taken) held -= size(outcome);
    room.wake();
    return taken;
  }

  function stop(): void {
    closed = true;
    room.wake();
    progress.wake();
  }

  signal.addEventListener("abort", stop);
  beginAll().then(() => read = {}, (error) => read = { error }).then(progress.wake);
  try {
    while (true) {
      if (begun[0]?.outcome !== undefined) {
        // What else has come in this turn of the event loop is taken with it.
        await new Promise((resolve) => setTimeout(resolve, 0));
        const taken = take();
        yield taken;
        if (failFast && "error" in taken.at(-1)!) return;
      } else if (signal.aborted) {
        const answered = begun.flatMap(({ outcome }) => outcome ?? []);
        if (answered.length > 0) yield answered;
        return;
      } else if (read !== undefined && begun.length === 0) {
        if ("error" in read) throw read.error;
        return;
      } else {
        await progress.wait();
      }
    }
  } finally {
    stop();
    signal.removeEventListener("abort", stop);
  }
}

function size(outcome: Outcome<Named>): number {
  return outcome.name.username.length + ("message" in outcome ? outcome.message.length : 0);
}

/** Where one waits until another wakes it. */
function waitingRoom(): { wait(): Promise<void>; wake(): void } {
  let wakeUp = () => {};
  return {
    wait: () => new Promise((resolve) => wakeUp = resolve),
    wake: () => wakeUp(),
  };
}
