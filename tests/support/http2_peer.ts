/** A peer that says whatever bytes it likes. */
import { Buffer } from "node:buffer";
import { Flag, FrameType, ping, type ReceivedFrame, takeFrames } from "./frames.ts";
import { within } from "./waits.ts";

/** How long a server may take to answer a PING or to close a connection, in milliseconds. */
const ANSWER_MS = 10_000;

/** A connection to the server under attack. */
export interface Peer {
  /**
   * Sends bytes in one write, so that they travel in one segment if they fit into it.
   *
   * @returns false once the server has closed the connection
   */
  send(...parts: readonly Uint8Array[]): Promise<boolean>;
  /**
   * Waits until the server has seen everything that was sent, or has closed the connection.
   *
   * @throws {Error} if it does neither within {@linkcode ANSWER_MS}
   */
  settle(): Promise<void>;
  /**
   * Waits until the server has closed the connection.
   *
   * @throws {Error} if it does not within {@linkcode ANSWER_MS}
   */
  closed(): Promise<void>;
  /** Closes the connection. */
  close(): void;
}

/**
 * Connects.
 *
 * @param reads whether it takes what the server sends; without, neither `settle` nor `closed` works
 */
export async function connectPeer(port: number, { reads = true } = {}): Promise<Peer> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  let acknowledged = 0;
  let pings = 0;
  let onAnswer = () => {};
  const ended = reads
    ? readFrames(connection, ({ type, flags }) => {
      if (type !== FrameType.PING || (flags & Flag.ACK) === 0) return;
      acknowledged++;
      onAnswer();
    })
    : new Promise<void>(() => {});

  const peer: Peer = {
    async send(...parts) {
      try {
        await writeAll(connection, Buffer.concat(parts));
        return true;
      } catch (error) {
        if (isGone(error)) return false;
        throw error;
      }
    },
    async settle() {
      const expected = ++pings;
      if (!await peer.send(ping(expected))) return;
      const { promise, resolve } = Promise.withResolvers<void>();
      onAnswer = () => acknowledged >= expected && resolve();
      onAnswer();
      await within(ANSWER_MS, "an answer to a PING", Promise.race([promise, ended]));
    },
    closed: () => within(ANSWER_MS, "the end of the connection", ended),
    close() {
      try {
        connection.close();
      } catch {
        // The server was faster.
      }
    },
  };
  return peer;
}

/** Gives a test a connection and closes it afterwards. */
export async function withPeer(port: number, use: (peer: Peer) => Promise<void>): Promise<void> {
  const peer = await connectPeer(port);
  try {
    await use(peer);
  } finally {
    peer.close();
  }
}

/** Gives a test many connections at the same time and closes them afterwards. */
export async function withPeers(
  port: number,
  count: number,
  use: (peers: Peer[]) => Promise<void>,
  options?: { readonly reads: boolean },
): Promise<void> {
  const peers: Peer[] = [];
  try {
    while (peers.length < count) peers.push(await connectPeer(port, options));
    await use(peers);
  } finally {
    for (const peer of peers) peer.close();
  }
}

/** Reads frames until the connection ends, which is not an error however it does. */
export async function readFrames(
  connection: Deno.Conn,
  onFrame: (frame: ReceivedFrame) => void,
): Promise<void> {
  const chunk = new Uint8Array(65_536);
  let rest: Uint8Array = new Uint8Array(0);
  try {
    for (let size = await connection.read(chunk); size; size = await connection.read(chunk)) {
      const fresh = chunk.subarray(0, size);
      rest = takeFrames(rest.length === 0 ? fresh : Buffer.concat([rest, fresh]), onFrame).slice();
    }
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
}

function isGone(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionReset ||
    error instanceof Deno.errors.ConnectionAborted ||
    error instanceof Deno.errors.BrokenPipe ||
    error instanceof Deno.errors.BadResource ||
    error instanceof Deno.errors.Interrupted;
}
