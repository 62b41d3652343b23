import type { Server } from "@grpc/grpc-js";
import { NO_ERROR } from "../../http2/frames.ts";
import type { Session } from "../../http2/session.ts";
import { http2Servers } from "../../workarounds/private_parts.ts";
import { spread } from "./connections.ts";
import { LIMITS } from "../limits.ts";

/** The HTTP/2 sessions of a server. grpc-js keeps them, and its HTTP/2 servers, to itself. */
export interface Sessions {
  /** Tells every client that the server goes away, and waits until they have acknowledged it. */
  announceGoaway(): Promise<void>;
}

/**
 * Watches the sessions of a server.
 *
 * @param server has its connection injectors already
 * @param maxAgeMs after this time, 10 % more or less, a session's client is told to open another; in
 * milliseconds. grpc-js's own option for it loses calls: see {@linkcode announceGoaway}.
 */
export function watchSessions(server: Server, maxAgeMs?: number): Sessions {
  const sessions = new Set<Session>();

  function add(session: Session): void {
    sessions.add(session);
    const stopAge = maxAgeMs === undefined ? () => {} : limitAge(session, maxAgeMs);
    session.once("close", () => {
      stopAge();
      sessions.delete(session);
    });
  }

  for (const http2Server of http2Servers(server)) {
    http2Server.configure({
      settings: { maxHeaderListSize: LIMITS.headerBytes },
      minPingIntervalMs: LIMITS.pingMs,
    });
    http2Server.on("session", add);
  }
  return {
    async announceGoaway() {
      await Promise.all([...sessions].map(announceGoaway));
    },
  };
}

/** Ends a session gracefully when it reaches its age; returns a function that cancels that. */
function limitAge(session: Session, maxAgeMs: number): () => void {
  const timer = setTimeout(async () => {
    await announceGoaway(session);
    session.close();
  }, spread(maxAgeMs));
  return () => clearTimeout(timer);
}

/** Of no stream: every one that the client has begun is served. */
const LAST_STREAM = 0x7fffffff;

/** How long a client may take to acknowledge the GOAWAY, in milliseconds. */
const ACKNOWLEDGED_MS = 1_000;

/**
 * Tells a client that the server goes away, and waits until it has acknowledged that. No call of the
 * client is refused by it; after it, the session can be closed without losing a call. grpc-js sends
 * only the GOAWAY that follows, which loses what is on its way.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9113#section-6.8
 */
function announceGoaway(session: Session): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ACKNOWLEDGED_MS);
    const acknowledged = () => {
      clearTimeout(timer);
      resolve();
    };
    if (session.closed || session.destroyed) return acknowledged();
    session.once("close", acknowledged);
    session.goaway(NO_ERROR, LAST_STREAM);
    // What the client sent before it read the GOAWAY arrives before its answer to this PING.
    if (!session.ping(acknowledged)) acknowledged();
  });
}
