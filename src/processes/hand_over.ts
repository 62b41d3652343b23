import type { Socket } from "node:net";
import { watchDescriptors } from "../workarounds/descriptors_run_out.ts";

/** Takes connections from a {@linkcode HandOver}: a worker process. */
export interface Receiver {
  /**
   * Takes over a connection.
   *
   * @returns whether it can take another one at once; undefined if it has ended without this one
   */
  take(socket: Socket): Promise<boolean | undefined>;
}

/** Hands each connection to one of several processes. */
export interface HandOver {
  /** Hands on a connection, or keeps it until a process can take it. */
  give(socket: Socket): void;
  /** This process can take a connection: from now on, or again. */
  ready(receiver: Receiver): void;
  /**
   * No connection goes to this process any more. One in flight stays with it, and goes to another one
   * if it ends without it.
   */
  remove(receiver: Receiver): void;
  /** Closes the connections that no process has taken. */
  close(): void;
}

/** How many connections may wait for a worker at most; further ones are closed. */
const MAX_WAITING = 512;
/** How many connections may wait even if few file descriptors are left. */
const FEW_WAITING = 16;

/** The connections and the processes of a {@linkcode HandOver}. */
interface Queues {
  /** Every process that connections may go to. */
  readonly receivers: Set<Receiver>;
  /** Those that can take a connection now, the one that has waited longest first. */
  readonly idle: Set<Receiver>;
  /** The connections that no process has yet, the oldest first. */
  readonly waiting: Socket[];
}

/**
 * Hands connections over in turn. Each process has at most one connection in flight, and this one
 * keeps a copy of it until the other has taken it. If that one ends before, the copy goes to another
 * process, so no connection is lost.
 *
 * node:cluster hands connections over in the same way, but forgets one in flight to a worker that is
 * killed: the copy in the primary process stays open, and the client waits for ever.
 */
export function openHandOver(): HandOver {
  const queues: Queues = { receivers: new Set(), idle: new Set(), waiting: [] };
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
    ready(receiver) {
      receivers.add(receiver);
      idle.add(receiver);
      next(queues);
    },
    remove(receiver) {
      receivers.delete(receiver);
      idle.delete(receiver);
    },
    close() {
      for (const socket of waiting.splice(0)) socket.destroy();
    },
  };
}

/** Hands the waiting connections to idle processes, until there are no more of one of the two. */
function next(queues: Queues): void {
  const { idle, waiting } = queues;
  for (const receiver of idle) {
    // A client that has closed its connection needs no worker.
    while (waiting[0]?.destroyed) waiting.shift();
    const socket = waiting.shift();
    if (socket === undefined) return;
    idle.delete(receiver);
    void handOver(queues, socket, receiver);
  }
}

async function handOver(queues: Queues, socket: Socket, receiver: Receiver): Promise<void> {
  const { receivers, idle, waiting } = queues;
  const canTakeMore = await receiver.take(socket);
  if (canTakeMore === undefined) {
    receivers.delete(receiver);
    waiting.unshift(socket);
  } else {
    socket.destroy();
  }
  if (canTakeMore && receivers.has(receiver)) idle.add(receiver);
  next(queues);
}
