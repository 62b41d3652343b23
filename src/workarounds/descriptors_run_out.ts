/**
 * A process without free file descriptors loses connections, or accepts none any more.
 *
 * - What is wrong: a connection that is handed to a process without any is lost, and Deno hands that
 *   process nothing any more and reports no error. One `accept` on a Unix socket that finds none is the
 *   last. A supervisor without any can start no worker. A stack trace that is read then
 *   ends the process: Deno compiles the source anew to map it, and panics on the way since Rust's
 *   `stacker` cannot open `/proc/self/maps`. node:child_process reads that of a connection that it cannot
 *   send, so it is sent `withoutStackTrace`.
 * - Versions: Deno 2.9.2 to 2.9.6.
 * - Upstream: no issue is known, but of the panic:
 *   https://github.com/rust-lang/stacker/blob/stacker-0.1.15/src/lib.rs#L416. The limit itself
 *   is not read: Deno allows that only to programs that may do everything.
 * - Measured: the check takes some 25 us for each connection, and 150 us where 192 are to be left (a Unix
 *   socket). Counting open connections instead was tried: under load it did not protect.
 * - Fails: without it tests/abuse/descriptors_test.ts, and the tests of file descriptors in
 *   tests/workarounds/machine_test.ts.
 * - It can go when Deno reports EMFILE of `accept` and of a handed connection as an error, and goes on.
 */
import { codeOf } from "../text/errors.ts";

/** For how many connections the result of one check is used. */
const AHEAD = 32;
/** How often to check again where none were free, in milliseconds. */
const RETRY_MS = 100;

/** Whether a process has file descriptors left for more connections. */
interface DescriptorWatch {
  /** Takes the file descriptor of one connection into account; returns whether more are free. */
  use(): boolean;
  /** Waits until more are free. */
  more(): Promise<void>;
}

/**
 * Watches over the file descriptors of this process.
 *
 * @param spare how many are left for other purposes, such as to start a worker
 */
export function watchDescriptors(spare = 16): DescriptorWatch {
  let known = 0;
  const look = () => {
    if (known === 0 && canOpen(spare + AHEAD)) known = AHEAD;
    return known > 0;
  };
  return {
    use() {
      known = Math.max(known - 1, 0);
      return look();
    },
    async more() {
      while (!look()) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    },
  };
}

/**
 * Checks whether enough file descriptors are free to begin with something.
 *
 * @param purpose to follow "have to be free to"
 * @returns what is missing, one line; undefined if it is enough
 */
export function tooFewDescriptors(needed: number, purpose: string): string | undefined {
  if (canOpen(needed)) return undefined;
  return `too few file descriptors: ${needed} have to be free to ${purpose}; ` +
    "allow more (ulimit -n 1024)";
}

/** Whether as many file descriptors are free; sockets need no permission that a server does not have. */
function canOpen(count: number): boolean {
  const opened: Deno.Listener[] = [];
  try {
    while (opened.length < count) opened.push(Deno.listen({ hostname: "127.0.0.1", port: 0 }));
    return true;
  } catch (error) {
    return !["EMFILE", "ENFILE"].includes(codeOf(error));
  } finally {
    for (const listener of opened) listener.close();
  }
}
