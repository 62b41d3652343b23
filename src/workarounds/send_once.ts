/**
 * node:http2 makes and writes each frame by itself.
 *
 * - What is wrong: Deno's node:http2 asks nghttp2 for frames five times and more for each call, most
 *   times in vain, and writes each frame with a system call of its own, three or more for each answer.
 * - Versions: Deno 2.9.2.
 * - Upstream: `setupHandle` in https://github.com/denoland/deno/blob/v2.9.2/ext/node/polyfills/http2.ts
 * - Measured: a logged call took 46 us of the server's CPU instead of 82 (the quietest of eight
 *   interleaved bursts, medians of three processes each; h2load with 4 connections x 25 streams, 2
 *   cores).
 * - Fails: after an update where Deno has no such handle tests/send_once_test.ts; the server runs
 *   on without it.
 * - It can go when a server without it takes no more CPU for a call (`deno task bench`).
 */
import type { Http2Session, Http2Stream } from "node:http2";
import type { Socket } from "node:net";
import { handlePart } from "./private_parts.ts";

/** What node:http2 drives a session with on Deno; private to it. */
interface SessionHandle {
  /** Turns into frames, and writes, everything that is pending. */
  sendPending(): void;
}

interface StreamHandle {
  rstStream(code: number): void;
}

/** The flushes of all sessions that have something to send. */
const pending = new Set<() => void>();

/**
 * Has a session make its frames once per turn of the event loop, and write them with one system
 * call.
 *
 * In three cases frames are made at once:
 * - in answer to received bytes, since node:http2 checks right afterwards whether the session has ended;
 * - before a session is destroyed, since its last answer may still wait, and after that;
 * - before a stream is reset, since nghttp2 drops what waits behind RST_STREAM, and never closes a stream
 *   whose HEADERS it dropped.
 *
 * @param socket the one that the session reads, behind TLS where there is TLS; or `session.socket`,
 * which is a proxy of it
 * @param stream an open one of the session; a server's session needs none
 * @returns whether this Deno has such a handle; if not, the session is as it was
 */
export function sendOncePerTurn(
  session: Http2Session,
  socket: Socket,
  stream?: Http2Stream,
): boolean {
  const handle = handlePart<SessionHandle>(session, "sendPending");
  if (handle === undefined) return false;
  const makeFrames = handle.sendPending;
  let receiving = false;
  // Not the socket's `writableCorked`: that counts corks of others, which nobody here uncorks.
  let corked = false;
  // The proxy throws once the session has ended; this returns the socket behind it.
  const behind = socket.prependListener("data", () => void (receiving = true));
  socket.on("data", () => void (receiving = false));
  /** Keeps what is written until the end of the turn. */
  const hold = () => {
    if (corked) return;
    corked = true;
    behind.cork();
    setImmediate(release);
  };
  const flush = () => {
    if (pending.delete(flush) && !session.destroyed) makeFrames();
  };
  const release = () => {
    flush();
    if (!corked) return;
    corked = false;
    behind.uncork();
  };
  handle.sendPending = () => {
    // A socket that has ended would not finish if it were held then.
    if (session.destroyed || behind.writableEnded) return makeFrames();
    hold();
    if (receiving) makeFrames();
    else pending.add(flush);
  };
  const destroy = session.destroy.bind(session);
  session.destroy = (...args) => {
    release();
    destroy(...args);
  };
  if (stream === undefined) session.prependOnceListener("stream", sendBeforeResets);
  else sendBeforeResets(stream);
  return true;
}

let sendsBeforeResets = false;

/** Changes the prototype that the handles of all streams share, found through the first one. */
function sendBeforeResets(stream: Http2Stream): void {
  if (sendsBeforeResets) return;
  const handle = handlePart<StreamHandle>(stream, "rstStream");
  if (handle === undefined) return;
  sendsBeforeResets = true;
  const streams: StreamHandle = Object.getPrototypeOf(handle);
  const reset = streams.rstStream;
  streams.rstStream = function (code) {
    pending.forEach((flush) => flush());
    reset.call(this, code);
  };
}
