import type { Socket } from "node:net";
import { openDescriptorRoom } from "../workarounds/descriptor_room.ts";

/** Takes connections from a {@linkcode HandOver}. */
export interface Taker {
  /**
   * Passes on a connection.
   *
   * @returns true once the taker has accepted it; false if it ends before that: it takes no more
   */
  take(socket: Socket): Promise<boolean>;
  /** Waits until it can take another; a taker that has ended lets nobody wait. */
  room(): Promise<void>;
}

/** Hands each connection to one of several processes. */
export interface HandOver {
  /** Hands on a connection, or keeps it until somebody can take it. */
  give(socket: Socket): void;
  /** Connections may go to this taker from now on. */
  add(taker: Taker): void;
  /**
   * Nothing goes to this taker any more. A connection that it has not accepted yet stays with it;
   * it comes back when {@linkcode Taker.take} says that it was not accepted.
   */
  remove(taker: Taker): void;
  /** Closes the connections that nobody has taken. */
  close(): void;
}

/** How many connections may wait while no worker is there to take them. */
const MAX_WAITING = 512;
/** So many may wait without a look at whether file descriptors are left. */
const FEW_WAITING = 16;

/**
 * Hands connections over in turn. Each taker has at most one on its way: a process that hangs or
 * dies has then no more than that one to lose, and it is not lost, because our copy of it is closed
 * only when the taker has accepted it, and goes to another if the taker never does.
 *
 * node:cluster does the same, but forgets the connection on its way to a worker that is killed: our
 * copy then keeps it open, and the client waits for ever.
 */
export function openHandOver(): HandOver {
  const takers = new Set<Taker>();
  // Those that can take one now, the one that has waited longest first.
  const idle: Taker[] = [];
  const waiting: Socket[] = [];
  const room = openDescriptorRoom();
  const isFull = () =>
    waiting.length >= MAX_WAITING || waiting.length >= FEW_WAITING && !room.use();

  function next(): void {
    while (waiting.length > 0 && idle.length > 0) {
      const socket = waiting.shift()!;
      // The client has gone in the meantime.
      if (!socket.destroyed) void pass(socket, idle.shift()!);
    }
  }

  async function pass(socket: Socket, taker: Taker): Promise<void> {
    if (await taker.take(socket)) {
      socket.destroy();
    } else {
      takers.delete(taker);
      waiting.unshift(socket);
    }
    await taker.room();
    if (takers.has(taker)) idle.push(taker);
    next();
  }

  return {
    give(socket) {
      socket.on("error", () => socket.destroy());
      if (isFull()) return void socket.destroy();
      waiting.push(socket);
      next();
    },
    add(taker) {
      takers.add(taker);
      idle.push(taker);
      next();
    },
    remove(taker) {
      takers.delete(taker);
      const at = idle.indexOf(taker);
      if (at !== -1) idle.splice(at, 1);
    },
    close() {
      for (const socket of waiting.splice(0)) socket.destroy();
    },
  };
}
