import { Buffer } from "node:buffer";
import type { ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";

/** GOAWAY, no error, last stream 2^31-1: "go away, but every call that you have begun is served". */
const GOAWAY = Buffer.from("0000080700000000007fffffff00000000", "hex");

/** How long a client may take to tell that it has heard, in milliseconds. */
const HEARD_MS = 1_000;

/**
 * Tells a client that the server goes away, and waits until it has heard it. No call of its is
 * refused by that; after it, the session can be closed without losing one.
 *
 * This is the first half of a graceful HTTP/2 shutdown (RFC 9113, section 6.8), of which grpc-js
 * does only the second: it tells at once which call was the last. A call that is on its way then is
 * not served; only some clients try such a call again, and those once.
 *
 * The frame is written past node:http2, because that ignores each new call, without a word, from the
 * moment on in which it has sent a GOAWAY of any kind. It has no call for nghttp2's
 * `nghttp2_submit_shutdown_notice`. node:http2 writes whole frames, so this one cannot fall into
 * another.
 *
 * @param socket what the session writes to
 * @see https://www.rfc-editor.org/rfc/rfc9113#section-6.8
 */
export function announceGoaway(session: ServerHttp2Session, socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, HEARD_MS);
    const heard = () => {
      clearTimeout(timer);
      resolve();
    };
    if (session.closed || session.destroyed || socket.destroyed) return heard();
    session.once("close", heard);
    socket.write(GOAWAY);
    // What the client had sent before it heard comes before its answer to this.
    session.ping(heard);
  });
}
