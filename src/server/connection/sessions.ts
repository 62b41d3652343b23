import type { Server } from "@grpc/grpc-js";
import type { Headers } from "../../http2/fields.ts";
import { ENHANCE_YOUR_CALM, NO_ERROR } from "../../http2/frames.ts";
import type { Session } from "../../http2/session.ts";
import type { Stream } from "../../http2/stream.ts";
import { http2Servers } from "../../workarounds/private_parts.ts";
import { setTimeoutUntilClose, spread } from "./connections.ts";
import { LIMITS } from "../limits.ts";
import { countHeaders } from "../received.ts";

/**
 * Sets the limits of the HTTP/2 sessions of a server. grpc-js keeps its sessions, and its HTTP/2
 * servers, to itself.
 *
 * @param server has its connection injectors already
 * @param maxAgeMs after this time, 10 % more or less, a session's client is told to open another; in
 * milliseconds. grpc-js's own option for it loses calls: see {@linkcode announceGoaway}.
 * @returns what announces to every client that the server goes away, and waits until they know
 */
export function limitSessions(server: Server, maxAgeMs?: number): () => Promise<void> {
  const sessions = new Set<Session>();
  const add = (session: Session) => {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    if (maxAgeMs === undefined) return;
    setTimeoutUntilClose(session, spread(maxAgeMs), async () => {
      await announceGoaway(session);
      session.close();
    });
  };
  for (const http2Server of http2Servers(server)) {
    http2Server.configure({
      settings: { maxHeaderListSize: LIMITS.headerBytes },
      minPingIntervalMs: LIMITS.pingMs,
    });
    http2Server.on("session", add);
    http2Server.on("stream", limitHeaders);
  }
  return async () => void await Promise.all([...sessions].map(announceGoaway));
}

/** Counts the headers of a stream as long as it is open; closes it if those of all take too much memory. */
function limitHeaders(stream: Stream, headers: Headers): void {
  if (stream.closed) return;
  // A gRPC client takes this code for RESOURCE_EXHAUSTED.
  const release = countHeaders(headers, () => stream.close(ENHANCE_YOUR_CALM));
  if (release !== undefined) stream.once("close", release);
}

/** The last stream that a first GOAWAY names: the highest number, so that it refuses none. */
const LAST_STREAM = 0x7fffffff;

/** How long a client may take to acknowledge the GOAWAY, in milliseconds. */
const ACKNOWLEDGED_MS = 1_000;

/**
 * Announces to a client that the server goes away, and waits until it has acknowledged that. This
 * refuses none of its calls, and then the session can be closed without losing one. grpc-js sends only
 * the GOAWAY of that close, which loses the calls that are on their way.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9113#section-6.8
 */
function announceGoaway(session: Session): Promise<void> {
  return new Promise((resolve) => {
    if (session.closed || session.destroyed) return resolve();
    const cancelTimeout = setTimeoutUntilClose(session, ACKNOWLEDGED_MS, resolve);
    const acknowledged = () => {
      cancelTimeout();
      resolve();
    };
    session.once("close", resolve);
    session.goaway(NO_ERROR, LAST_STREAM);
    // What the client sends before it has read the GOAWAY arrives before its answer to this PING.
    if (!session.ping(acknowledged)) acknowledged();
  });
}
