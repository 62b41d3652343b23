/**
 * A child process loses a socket that comes close behind another message, and receives nothing more.
 *
 * - What is wrong: a child that finds a plain message and one with a socket in the same read gives the
 *   socket to neither. It then acknowledges nothing, and `child.send` silently queues all that
 *   follows for ever: the child is deaf. Deno, like Node, holds back what comes behind a socket until
 *   the child has acknowledged it, but not a socket that comes behind a plain message. A socket for
 *   which the child has no file descriptor is lost in the same way.
 * - Versions: Deno 2.9.2 to 2.9.6; not Node.
 * - Upstream: no issue is known.
 * - Measured with `fork` of node:child_process, a plain message and a socket every 3 ms: the child got
 *   2 of 300 messages and 1 of 300 sockets; one at a time it got 3,000 of 3,000 and 1,500 of 1,500.
 *   With `serve --workers 2 --metrics-port`, 100 connections a second and scrapes a worker was deaf
 *   after a second.
 * - Fails: without it tests/load/metrics_test.ts; after an update nothing.
 * - It can go when `tests/load/metrics_test.ts` passes without it: a scrape takes less than a second
 *   there.
 */

/** The messages for one child, which it replies to. */
export interface Outbox {
  /**
   * Has a message sent, in the order of the calls.
   *
   * @param send sends it
   * @param withSocket it goes out once the child has read every message before it
   */
  post(send: () => void, withSocket: boolean): void;
  /**
   * The child has replied to a message: so it has read all that were sent before.
   *
   * @param number which of the messages that were posted, from 1 up
   */
  replied(number: number): void;
}

/** Makes an {@linkcode Outbox} for one child. */
export function openOutbox(): Outbox {
  const waiting: { readonly send: () => void; readonly withSocket: boolean }[] = [];
  let sent = 0;
  let read = 0;
  const sendNext = () => {
    while (waiting.length > 0 && (read === sent || !waiting[0]!.withSocket)) {
      sent++;
      waiting.shift()!.send();
    }
  };
  return {
    post(send, withSocket) {
      waiting.push({ send, withSocket });
      sendNext();
    },
    replied(number) {
      read = Math.max(read, number);
      sendNext();
    },
  };
}
