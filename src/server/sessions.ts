import type { Server } from "@grpc/grpc-js";
import type { Http2Server, ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { sendOncePerTurn } from "../workarounds/send_once.ts";
import { refuseLargeHeaderBlocks } from "../workarounds/large_header_blocks.ts";
import { freeWhenClosed } from "../workarounds/free_streams.ts";
import { announceGoaway } from "../workarounds/graceful_goaway.ts";
import { http2Servers } from "../workarounds/private_parts.ts";
import { limitLinger, spread } from "./connections.ts";
import { LIMITS } from "./limits.ts";

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
  const sockets = new Map<ServerHttp2Session, Socket>();

  function add(session: ServerHttp2Session, socket: Socket): void {
    sockets.set(session, socket);
    const stopAge = maxAgeMs === undefined ? () => {} : limitAge(session, socket, maxAgeMs);
    session.once("close", () => {
      stopAge();
      sockets.delete(session);
    });
    socket.once("finish", () => limitLinger(socket));
  }

  function watch(http2Server: Http2Server): void {
    http2Server.updateSettings({ maxHeaderListSize: LIMITS.headerBytes });
    let latest: Socket;
    const remember = (socket: Socket) => void (latest = socket);
    // A later listener of the same event, that of node:http2, makes the session.
    http2Server.prependListener("connection", remember);
    http2Server.on("session", (session: ServerHttp2Session) => {
      sendOncePerTurn(session, latest);
      refuseLargeHeaderBlocks(session, latest, LIMITS);
      session.on("stream", freeWhenClosed);
      add(session, latest);
    });
  }

  http2Servers(server).forEach(watch);
  return {
    async announceGoaway() {
      // A connection that was accepted in this turn has to send its SETTINGS before a GOAWAY.
      await new Promise((resolve) => setImmediate(resolve));
      await Promise.all([...sockets].map(([session, socket]) => announceGoaway(session, socket)));
    },
  };
}

/** Ends a session gracefully when it reaches its age; returns a function that cancels that. */
function limitAge(session: ServerHttp2Session, socket: Socket, maxAgeMs: number): () => void {
  const timer = setTimeout(async () => {
    await announceGoaway(session, socket);
    session.close();
  }, spread(maxAgeMs));
  return () => clearTimeout(timer);
}
