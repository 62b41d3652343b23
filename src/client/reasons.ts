import type { Connection } from "./connection.ts";

/** How long a failed call may be held back until the reason is found out, in milliseconds. */
const HELD_MS = 1_000;

/** How long before a deadline the reason is looked for, in milliseconds; half the time at most. */
const AHEAD_MS = 1_000;

/**
 * How long an answer counts, in milliseconds: of many calls that fail, few make a connection of
 * their own. Not for long, since a server may come up.
 */
const VALID_MS = 2_000;

/** Finds out why there is no connection for the calls of a channel, while they are under way. */
export interface Reasons {
  /** A call begins; its deadline is in milliseconds since the epoch, or Infinity. */
  begun(deadline: number): void;
  /** That call has ended. */
  ended(): void;
  /** Tells why, as far as that can be told before the deadline; undefined otherwise. */
  why(deadline: number): Promise<string | undefined>;
}

/**
 * Looks for the reason shortly before the first deadline of the calls under way if there is no
 * connection then, and as long as that is so: once a deadline has passed there is no time for it.
 *
 * @param isConnected whether the channel has a connection
 */
export function findReasons(connection: Connection, isConnected: () => boolean): Reasons {
  let underWay = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let search: Promise<string | undefined> | undefined;
  let known: string | undefined, validUntil = 0;

  function find(): Promise<string | undefined> {
    if (Date.now() < validUntil) return Promise.resolve(known);
    return search ??= explain(connection).then((why) => {
      known = why;
      validUntil = Date.now() + VALID_MS;
      search = undefined;
      return why;
    });
  }

  function look(aheadMs: number): void {
    if (!isConnected()) void find();
    timer = setTimeout(look, aheadMs, aheadMs);
  }

  return {
    begun(deadline) {
      underWay++;
      if (timer !== undefined || deadline === Infinity) return;
      // One timer for all: one for each call would take 2 % of a batch.
      const leftMs = deadline - Date.now();
      const aheadMs = Math.min(leftMs / 2, AHEAD_MS);
      timer = setTimeout(look, leftMs - aheadMs, aheadMs);
    },
    ended() {
      if (--underWay > 0) return;
      clearTimeout(timer);
      timer = undefined;
    },
    async why(deadline) {
      const maxMs = Math.min(deadline - Date.now(), HELD_MS);
      if (maxMs > 0) return await within(maxMs, find());
      return Date.now() < validUntil ? known : undefined;
    },
  };
}

async function explain(connection: Connection): Promise<string | undefined> {
  const { explainConnection } = await import("./probe.ts");
  return await explainConnection(connection);
}

async function within<T>(maxMs: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), maxMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
