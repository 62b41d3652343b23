import type { Socket } from "node:net";
import { watchDescriptors } from "../workarounds/descriptors_run_out.ts";

/** Receives connections from a {@linkcode HandOver}: a worker process. */
export interface Receiver {
  /**
   * Passes on a connection.
   *
   * @returns true once the receiver has acknowledged the connection; false if the receiver ends
   * before that, and takes no more connections
   */
  pass(socket: Socket): Promise<boolean>;
  /** Back-pressure: waits until the receiver can take another connection, or has ended. */
  ready(): Promise<void>;
}

/** Hands each connection to one of several processes. */
export interface HandOver {
  /** Hands on a connection, or keeps it until a receiver can take it. */
  give(socket: Socket): void;
  /** Connections may go to this receiver from now on. */
  add(receiver: Receiver): void;
  /**
   * No connection goes to this receiver any more. One in flight stays with it, and goes to another
   * receiver if {@linkcode Receiver.pass} returns false.
   */
  remove(receiver: Receiver): void;
  /** Closes the connections that no receiver has taken. */
  close(): void;
}

/** How many connections may wait for a worker at most; further ones are closed. */
const MAX_WAITING = 512;
/** How many connections may wait even if few file descriptors are left. */
const FEW_WAITING = 16;

/**
 * Hands connections over in turn. Each receiver has at most one connection in flight, and this
 * process keeps a copy of it until the receiver has acknowledged it. If the receiver dies before
 * that, the copy goes to another receiver, so no connection is lost.
 *
 * node:cluster hands connections over in the same way, but forgets one in flight to a worker that is
 * killed: the copy in the primary process stays open, and the client waits for ever.
 */
export function openHandOver(): HandOver {
  const queues: Queues = { receivers: new Set(), idle: [], waiting: [] };
  const { receivers, idle, waiting } = queues;
  const descriptors = watchDescriptors();
  const isFull = () =>
    waiting.length >= MAX_WAITING || waiting.length >= FEW_WAITING && !descriptors.use();
  return {
    give(socket) {
      socket.on("error", () => socket.destroy());
      if (isFull()) return void socket.destroy();
      waiting.push(socket);
      next(queues);
    },
    add(receiver) {
      receivers.add(receiver);
      idle.push(receiver);
      next(queues);
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

/** The connections and the receivers of a {@linkcode HandOver}. */
interface Queues {
  /** Every receiver that connections may go to. */
  readonly receivers: Set<Receiver>;
  /** The receivers that can take a connection now, the one that has waited longest first. */
  readonly idle: Receiver[];
  /** The connections that no receiver has yet, the oldest first. */
  readonly waiting: Socket[];
}

/** Hands the waiting connections to idle receivers, until there are no more of one of the two. */
function next(queues: Queues): void {
  const { idle, waiting } = queues;
  while (waiting.length > 0 && idle.length > 0) {
    const socket = waiting.shift()!;
    // A client that has closed its connection needs no worker.
    if (!socket.destroyed) void pass(queues, socket, idle.shift()!);
  }
}

async function pass(queues: Queues, socket: Socket, receiver: Receiver): Promise<void> {
  const { receivers, idle, waiting } = queues;
  if (await receiver.pass(socket)) {
    socket.destroy();
  } else {
    receivers.delete(receiver);
    waiting.unshift(socket);
  }
  await receiver.ready();
  if (receivers.has(receiver)) idle.push(receiver);
  next(queues);
}
