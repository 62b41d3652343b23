/**
 * A TCP server accepts nothing any more after it has run out of file descriptors.
 *
 * - What is wrong: one `accept` that fails with EMFILE is the last one. No error is reported and
 *   nothing is accepted any more, even when all connections have closed.
 * - Versions: Deno 2.9.2 to 2.9.6.
 * - Upstream: no issue is known.
 * - Measured: 128 file descriptors and 512 connections: without this file the server never answers
 *   again, with it a second after they have closed.
 * - Fails: without it "more connections than file descriptors" in tests/abuse/descriptors_test.ts;
 *   after an update it throws where node:net has no such handle (tests/workarounds/guards_test.ts).
 * - It can go when Deno goes on accepting after EMFILE.
 */
import type { Server } from "node:net";

/** How often `listen` is called again, in milliseconds. */
const INTERVAL_MS = 1_000;

/** As many waiting connections as node:net allows by default. */
const BACKLOG = 511;

/** What node:net keeps of a listening socket; private in Node's and Deno's sources alike. */
interface Listening {
  readonly _handle: { listen(backlog: number): number } | null;
}

/**
 * Keeps a TCP server accepting after the process has run out of file descriptors.
 *
 * Calling `listen` on the socket that already listens changes nothing for the system but makes Deno
 * accept again. On a Unix socket it has the opposite effect: nothing is accepted any more. There
 * src/server/connection/listen.ts closes connections before descriptors run out (descriptors_run_out.ts).
 *
 * @throws {Error} if the server has no such handle, so that an update cannot bring the fault back
 */
export function keepAccepting(server: Server): void {
  if (!isListening(server)) {
    throw new Error(
      "node:net keeps its listening socket elsewhere: check src/workarounds/accept_after_emfile.ts",
    );
  }
  const timer = setInterval(() => server._handle?.listen(BACKLOG), INTERVAL_MS);
  server.once("close", () => clearInterval(timer));
}

function isListening(server: Server): server is Server & Listening {
  const { _handle: handle } = server as Server & Partial<Listening>;
  return typeof handle?.listen === "function";
}
