import type { Socket } from "node:net";
import { type Connections, openConnections } from "../server/connections.ts";
import type { Accept } from "../server/listen.ts";
import { nameUnixPeer } from "../server/unix_peer.ts";

/** The connections that a supervisor hands to this process. */
export interface HandedConnections {
  /** In place of listening: hands on what {@linkcode give} brings, whatever the endpoint. */
  readonly accept: Accept;
  /** A connection has come; on a socket file its peer has a name in place of an address. */
  give(socket: Socket, peer?: string): void;
}

/** Makes a {@linkcode HandedConnections}. */
export function openHandedConnections(): HandedConnections {
  let connections: Connections | undefined;
  return {
    accept(endpoint, onConnection) {
      const opened = connections ??= openConnections(onConnection);
      return Promise.resolve({
        endpoint,
        // The supervisor hands over none after it has asked for the drain that calls this.
        close: () => opened.allClosed(),
        destroyConnections: () => opened.destroy(),
      });
    },
    give(socket, peer) {
      if (peer !== undefined) nameUnixPeer(socket, peer);
      // As for those that are accepted here; a Unix socket has no such option and ignores it.
      socket.setNoDelay(true);
      if (connections) connections.add(socket);
      else socket.destroy();
    },
  };
}
