/** A server's side of one connection in raw frames: nothing that it sends is checked. */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { ACK, DATA, END_STREAM, FrameReader, PING, PREFACE } from "../http2/frames.ts";
import { ConnectionError, RST_STREAM, SETTINGS } from "../http2/frames.ts";
import { frame, ping, settings } from "./frames.ts";

/** A call that waits for its answer. */
export interface Asked {
  readonly stream: number;
  /** The message that answers it as it should be, without its prefix. */
  readonly hello: Uint8Array;
  /** Which try of its call this is: 1, 2 and so on. */
  readonly attempt: number;
  readonly socket: Pick<Socket, "end" | "destroy" | "resetAndDestroy">;
  send(...frames: readonly Uint8Array[]): void;
  /** Sends bytes a few at a time, each packet in a turn of the event loop of its own. */
  sendInParts(bytes: Uint8Array, size: number): Promise<void>;
  /** Sends a PING and waits for its answer. */
  ping(): Promise<void>;
}

/** What is said to a call. */
export type Answer = (call: Asked) => void | Promise<void>;

/**
 * What is said to a connection before it has said anything; calls are answered behind it.
 *
 * @returns false if that is all: no call is answered
 */
export type Greeting = (socket: Socket) => void | false | Promise<void | false>;

/** What a server that means well says first. */
export const greet: Greeting = (socket) => void socket.write(settings());

/** What is told of a connection. */
export interface Listener {
  /**
   * A request is complete.
   *
   * @param request its message with the prefix of five bytes
   */
  onRequest(request: Buffer, call: Omit<Asked, "hello" | "attempt">): void;
  /** The client has reset a stream. */
  onReset?(): void;
}

/** Greets a connection, and tells of each call whose request is complete. */
export function serveConnection(socket: Socket, greeting: Greeting, listener: Listener): void {
  socket.setNoDelay();
  const greeted = greeting(socket);
  if (greeted !== false) listenTo(socket, Promise.resolve(greeted), listener);
}

function listenTo(socket: Socket, greeted: Promise<unknown>, listener: Listener): void {
  const requests = new Map<number, Buffer>();
  const pings: (() => void)[] = [];
  /** Answers to PING and SETTINGS, which may not come within a frame. */
  let held: Uint8Array[] | undefined = [];
  void greeted.then(release);
  const reader = new FrameReader(take, PREFACE.length);
  socket.on("data", (bytes: Buffer) => {
    try {
      reader.receive(bytes);
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      // It does not speak HTTP/2.
      socket.destroy();
    }
  });

  function take(
    type: number,
    flags: number,
    stream: number,
    bytes: Buffer,
    from: number,
    to: number,
  ): void {
    if (type === RST_STREAM) listener.onReset?.();
    if (type === SETTINGS || type === PING) {
      if ((flags & ACK) === 0) acknowledge(type, bytes.subarray(from, to));
      else if (type === PING) pings.shift()?.();
    }
    if (type !== DATA) return;
    const request = Buffer.concat([
      requests.get(stream) ?? Buffer.alloc(0),
      bytes.subarray(from, to),
    ]);
    requests.set(stream, request);
    if ((flags & END_STREAM) === 0) return;
    requests.delete(stream);
    const call = { stream, socket, send, sendInParts, ping: sendPing };
    // An answer may not come within what the greeting still sends.
    void greeted.then(() => listener.onRequest(request, call));
  }

  function acknowledge(type: number, payload: Uint8Array): void {
    const ack = frame(type, ACK, 0, type === PING ? payload : Buffer.alloc(0));
    if (held === undefined) send(ack);
    else held.push(ack);
  }

  function send(...frames: readonly Uint8Array[]): void {
    // To write behind its end would reset the connection.
    if (socket.writable && frames.length > 0) socket.write(Buffer.concat(frames));
  }

  function release(): void {
    send(...held ?? []);
    held = undefined;
  }

  async function sendInParts(bytes: Uint8Array, size: number): Promise<void> {
    held = [];
    for (let at = 0; at < bytes.length; at += size) {
      send(bytes.subarray(at, at + size));
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    release();
  }

  function sendPing(): Promise<void> {
    send(ping());
    return new Promise((resolve) => pings.push(resolve));
  }
}
