import type { Socket } from "node:net";
import { LIMITS } from "./limits.ts";

/** The open connections of a process. */
export interface Connections {
  /** Takes in a connection, unless there are too many: then it is closed. */
  add(socket: Socket): void;
  /** Waits until none is open. */
  allClosed(): Promise<void>;
  /** Closes every one at once, whatever is in flight. */
  destroy(): void;
}

/**
 * Makes a set of connections.
 *
 * @param onConnection takes over each connection that is let in
 */
export function openConnections(onConnection: (socket: Socket) => void): Connections {
  const sockets = new Set<Socket>();
  // One for each endpoint: a worker takes the connections of all of them.
  const waiting: (() => void)[] = [];
  return {
    add(socket) {
      if (sockets.size >= LIMITS.connections) return void socket.destroy();
      sockets.add(socket);
      socket.once("close", () => {
        sockets.delete(socket);
        if (sockets.size === 0) waiting.splice(0).forEach((tell) => tell());
      });
      onConnection(socket);
    },
    allClosed: () =>
      new Promise((resolve) => {
        if (sockets.size === 0) resolve();
        else waiting.push(resolve);
      }),
    destroy: () => sockets.forEach((socket) => socket.destroy()),
  };
}
