/**
 * A child process loses a socket that comes close behind another message, and receives nothing more.
 *
 * - What is wrong: a child that finds a plain message and one with a socket in the same read gives the
 *   socket to neither. It then acknowledges nothing, and `child.send` silently queues all that
 *   follows for ever: the child is deaf. Node waits for each socket to be acknowledged and
 *   Deno does too, but not for the plain message before it. A socket for which the child has no file
 *   descriptor is lost in the same way.
 * - Versions: Deno 2.9.2; not Node.
 * - Upstream: no issue is known.
 * - Measured with `fork` of node:child_process, a plain message and a socket every 3 ms: the child got
 *   2 of 300 messages and 1 of 300 sockets; one at a time it got 3,000 of 3,000 and 1,500 of 1,500.
 *   With `serve --workers 2 --metrics-port`, 100 connections a second and scrapes a worker was deaf
 *   after a second.
 * - Fails: without it tests/load/metrics_test.ts; after an update nothing, it costs one message
 *   more for each request.
 * - It can go when `tests/load/metrics_test.ts` passes without it: a scrape takes less than a second
 *   there.
 */

/** The messages for one child, sent one at a time. */
export interface Outbox {
  /** Has a message sent once the child has all that came before. */
  post(send: () => void): void;
  /** The child has the message that was sent last. */
  acknowledged(): void;
}

/** Makes an {@linkcode Outbox} for one child. */
export function openOutbox(): Outbox {
  const waiting: (() => void)[] = [];
  let underWay = false;
  function next(): void {
    const send = waiting.shift();
    underWay = send !== undefined;
    send?.();
  }
  return {
    post(send) {
      waiting.push(send);
      if (!underWay) next();
    },
    acknowledged: next,
  };
}
