import type { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { LIMITS } from "../limits.ts";

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
  // In a worker all endpoints share these connections, and each endpoint waits.
  const waiting: (() => void)[] = [];
  return {
    add(socket) {
      if (sockets.size >= LIMITS.connections) return void socket.destroy();
      sockets.add(socket);
      socket.once("close", () => {
        sockets.delete(socket);
        if (sockets.size === 0) waiting.splice(0).forEach((resolve) => resolve());
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

/** An age, 10 % more or less: clients that connected together must not all reconnect together. */
export function spread(ageMs: number): number {
  return ageMs * (0.9 + Math.random() * 0.2);
}

/** An address as people write it: on a socket for both IP versions, IPv4 is `::ffff:127.0.0.1`. */
export function plainAddress(address: string): string {
  return address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
}

/**
 * Does something after a time, unless the connection, session or stream has closed by then.
 *
 * @param ms the time in milliseconds
 * @returns what cancels it
 */
export function setTimeoutUntilClose(
  closing: Pick<EventEmitter, "once" | "off">,
  ms: number,
  act: () => void,
): () => void {
  const cancel = () => {
    clearTimeout(timer);
    closing.off("close", cancel);
  };
  const timer = setTimeout(() => {
    closing.off("close", cancel);
    act();
  }, ms);
  closing.once("close", cancel);
  return cancel;
}
