/**
 * A server that closes a session loses the calls that are on their way to it.
 *
 * - What is wrong: grpc-js does only the second half of a graceful shutdown (RFC 9113, section 6.8): it
 *   tells at once which call was the last. A call that is on its way then is not served; only some
 *   clients try it again, and those once. node:http2 silently ignores each new call once it has
 *   sent a GOAWAY of any kind.
 * - Versions: @grpc/grpc-js 1.14.7, Deno 2.9.2.
 * - Upstream: no issue is known; nghttp2's `nghttp2_submit_shutdown_notice` has no counterpart in
 *   node:http2.
 * - Measured: see tests/load: no call is lost when workers are replaced under load.
 * - Fails: without it "a call that is on its way when the client is told to go away is answered" in
 *   tests/drain_test.ts, and tests/load/workers_test.ts.
 * - It can go when grpc-js sends two GOAWAY frames.
 */
import { Buffer } from "node:buffer";
import type { ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";

/** GOAWAY, no error, last stream 2^31-1: "go away, but every call that you have begun is served". */
const GOAWAY = Buffer.from("0000080700000000007fffffff00000000", "hex");

/** How long a client may take to acknowledge the GOAWAY, in milliseconds. */
const ACKNOWLEDGED_MS = 1_000;

/**
 * Tells a client that the server goes away, and waits until it has acknowledged that. No call of the
 * client is refused by it; after it, the session can be closed without losing a call.
 *
 * The frame is written past node:http2, which would ignore later calls otherwise. node:http2 writes
 * whole frames, so this one cannot fall into another.
 *
 * @param socket what the session writes to
 * @see https://www.rfc-editor.org/rfc/rfc9113#section-6.8
 */
export function announceGoaway(session: ServerHttp2Session, socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ACKNOWLEDGED_MS);
    const acknowledged = () => {
      clearTimeout(timer);
      resolve();
    };
    if (session.closed || session.destroyed || socket.destroyed) return acknowledged();
    session.once("close", acknowledged);
    socket.write(GOAWAY);
    // What the client sent before it read the GOAWAY arrives before its answer to this PING.
    session.ping(acknowledged);
  });
}
