import type { Socket } from "node:net";
import type { Accept } from "../server/listen.ts";

/** The connections that a supervisor hands to this process. */
export interface HandedConnections {
  /** In place of listening: hands on what {@linkcode give} brings. */
  readonly accept: Accept;
  /** A connection has come. */
  give(socket: Socket): void;
}

/** Makes a {@linkcode HandedConnections}. */
export function openHandedConnections(): HandedConnections {
  const sockets = new Set<Socket>();
  let onConnection: (socket: Socket) => void = (socket) => socket.destroy();
  const { promise: closed, resolve: onClosed } = Promise.withResolvers<void>();
  let closing = false;
  const closeIfDone = () => closing && sockets.size === 0 && onClosed();
  return {
    accept(endpoint, handler) {
      onConnection = handler;
      return Promise.resolve({
        ...endpoint,
        // The supervisor sends none after it has asked for the drain that calls this.
        close: () => {
          closing = true;
          closeIfDone();
          return closed;
        },
        destroyConnections: () => sockets.forEach((socket) => socket.destroy()),
      });
    },
    give(socket) {
      sockets.add(socket);
      socket.once("close", () => {
        sockets.delete(socket);
        closeIfDone();
      });
      socket.setNoDelay(true);
      onConnection(socket);
    },
  };
}
