import type { Server } from "@grpc/grpc-js";
import type { EventEmitter } from "node:events";
import type { ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { LIMITS, PREFACE_BYTES } from "./limits.ts";

/** What identifies an open connection, on the raw socket and behind TLS alike. */
type Peer = Pick<Socket, "remoteAddress" | "remotePort">;

/** Knows which TLS connections have become HTTP/2 sessions. */
export interface SessionWatch {
  /** Watches the sessions of the connection injector that was made last. */
  watchNewest(server: Server): void;
  /** Whether the connection of a socket has a session. */
  hasSession(socket: Peer): boolean;
}

/**
 * Closes a connection that does not begin with HTTP/2 in time; grpc-js would keep it for ever.
 *
 * @param isReady whether what has to come before HTTP/2, a TLS handshake, is over
 */
export function limitStart(socket: Socket, isReady: () => boolean): void {
  const timer = setTimeout(() => {
    if (socket.bytesRead < PREFACE_BYTES || !isReady()) socket.destroy();
  }, LIMITS.prefaceMs);
  socket.once("close", () => clearTimeout(timer));
}

/** Begins to watch the sessions of a server with TLS: the bytes of a handshake tell nothing. */
export function watchSessions(): SessionWatch {
  const peers = new Set<string>();
  return {
    watchNewest: (server) =>
      newestHttp2Server(server).on("session", (session: ServerHttp2Session) => {
        const peer = key(session.socket);
        peers.add(peer);
        session.once("close", () => peers.delete(peer));
      }),
    hasSession: (socket) => peers.has(key(socket)),
  };
}

function key({ remoteAddress, remotePort }: Peer): string {
  return `${remoteAddress} ${remotePort}`;
}

/** grpc-js keeps its http2 servers private; only they tell when a handshake is over. */
function newestHttp2Server(server: object): EventEmitter {
  const servers = "http2Servers" in server ? server.http2Servers : undefined;
  const newest = servers instanceof Map ? [...servers.keys()].at(-1) : undefined;
  if (newest !== undefined) return newest as EventEmitter;
  throw new Error(
    "this grpc-js keeps its http2 servers elsewhere: check src/server/start_limit.ts",
  );
}
