import type { Socket } from "node:net";
import { watchDescriptors } from "../workarounds/descriptors_run_out.ts";

/** Receives connections from a {@linkcode HandOver}: a worker process. */
export interface Receiver {
  /**
   * Passes on a connection.
   *
   * @returns true once the receiver has acknowledged it; false if it ends before that: it takes no
   * more
   */
  pass(socket: Socket): Promise<boolean>;
  /** Back-pressure: waits until it can take another; nobody waits for a receiver that has ended. */
  ready(): Promise<void>;
}

/** Hands each connection to one of several processes. */
export interface HandOver {
  /** Hands on a connection, or keeps it until a receiver can take it. */
  give(socket: Socket): void;
  /** Connections may go to this receiver from now on. */
  add(receiver: Receiver): void;
  /**
   * Nothing goes to this receiver any more. A connection that it has not acknowledged yet stays with
   * it; it comes back when {@linkcode Receiver.pass} says that it was not acknowledged.
   */
  remove(receiver: Receiver): void;
  /** Closes the connections that no receiver has taken. */
  close(): void;
}

/** How many connections may wait while no worker is there to take them. */
const MAX_WAITING = 512;
/** How many connections may wait before it matters whether file descriptors are left. */
const FEW_WAITING = 16;

/**
 * Hands connections over in turn. Each receiver has at most one in flight: a process that hangs or
 * dies has then no more than that one to lose, and it is not lost, because our copy of it is closed
 * only when the receiver has acknowledged it, and goes to another if the receiver never does.
 *
 * node:cluster does the same, but forgets the connection on its way to a worker that is killed: our
 * copy then keeps it open, and the client waits for ever.
 */
export function openHandOver(): HandOver {
  const receivers = new Set<Receiver>();
  // The receivers that can take one now, the one that has waited longest first.
  const idle: Receiver[] = [];
  const waiting: Socket[] = [];
  const descriptors = watchDescriptors();
  const isFull = () =>
    waiting.length >= MAX_WAITING || waiting.length >= FEW_WAITING && !descriptors.use();

  function next(): void {
    while (waiting.length > 0 && idle.length > 0) {
      const socket = waiting.shift()!;
      // A client that has gone in the meantime is no work for a worker.
      if (!socket.destroyed) void pass(socket, idle.shift()!);
    }
  }

  async function pass(socket: Socket, receiver: Receiver): Promise<void> {
    if (await receiver.pass(socket)) {
      socket.destroy();
    } else {
      receivers.delete(receiver);
      waiting.unshift(socket);
    }
    await receiver.ready();
    if (receivers.has(receiver)) idle.push(receiver);
    next();
  }

  return {
    give(socket) {
      socket.on("error", () => socket.destroy());
      if (isFull()) return void socket.destroy();
      waiting.push(socket);
      next();
    },
    add(receiver) {
      receivers.add(receiver);
      idle.push(receiver);
      next();
    },
    remove(receiver) {
      receivers.delete(receiver);
      const at = idle.indexOf(receiver);
      if (at !== -1) idle.splice(at, 1);
    },
    close() {
      for (const socket of waiting.splice(0)) socket.destroy();
    },
  };
}
