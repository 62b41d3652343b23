/** A server in raw frames, which answers whatever a test wants: nothing that it sends is checked. */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import {
  Flag,
  frame,
  FrameType,
  PREFACE,
  type ReceivedFrame,
  settings,
  stringIn,
  takeFrames,
} from "./frames.ts";
import { withPeer } from "./tcp_peer.ts";

/** A call that waits for its answer. */
export interface Asked {
  readonly stream: number;
  /** Whether it is a check of health, whose answer is another message. */
  readonly health: boolean;
  readonly socket: Socket;
  send(...frames: readonly Uint8Array[]): void;
  /** Sends bytes a few at a time, each packet in a turn of the event loop of its own. */
  sendInParts(bytes: Uint8Array, size: number): Promise<void>;
}

/** What is said to a call. */
export type Answer = (call: Asked) => void | Promise<void>;

/**
 * What is said to a connection before it has said anything.
 *
 * @returns false if that is all: no call is answered
 */
export type Greeting = (socket: Socket) => void | false | Promise<void | false>;

/** The names of services that are asked for by `check` begin so, for the server to tell them apart. */
export const HEALTH = "health:";

/** What a server that means well says first. */
export const greet: Greeting = (socket) => void socket.write(settings());

/**
 * Gives a test a server on 127.0.0.1.
 *
 * @param answer is told each call whose request is complete, with the username, or, for a check, with
 * the name of the service; one that says nothing leaves it without an answer
 */
export async function withHttp2Server<T>(
  answer: (call: Asked, name: string) => void,
  use: (port: number) => Promise<T>,
  greeting: Greeting = greet,
): Promise<T> {
  return await withPeer((socket) => {
    socket.setNoDelay();
    const greeted = greeting(socket);
    if (greeted !== false) listenTo(socket, Promise.resolve(greeted), answer);
  }, use);
}

/** Gives a test a server that accepts every call and never answers one. */
export function withMutePeer(use: (port: number) => Promise<void>): Promise<void> {
  return withHttp2Server(() => {}, use);
}

/** Reads frames and tells of each call whose request is complete. */
function listenTo(
  socket: Socket,
  greeted: Promise<unknown>,
  tell: (call: Asked, name: string) => void,
): void {
  const requests = new Map<number, Buffer>();
  let rest: Uint8Array = Buffer.alloc(0);
  let hasPreface = false;
  /** Answers to PING and SETTINGS, which may not come within a frame. */
  let held: Uint8Array[] | undefined = [];
  void greeted.then(release);
  socket.on("data", (chunk: Uint8Array) => {
    rest = Buffer.concat([rest, chunk]);
    if (!hasPreface) {
      if (rest.length < PREFACE.length) return;
      rest = rest.subarray(PREFACE.length);
      hasPreface = true;
    }
    rest = takeFrames(rest, take);
  });

  function take({ type, flags, streamId: stream, payload }: ReceivedFrame): void {
    if ((type === FrameType.SETTINGS || type === FrameType.PING) && (flags & Flag.ACK) === 0) {
      const ack = frame(type, Flag.ACK, 0, type === FrameType.PING ? payload : Buffer.alloc(0));
      if (held === undefined) send(ack);
      else held.push(ack);
    }
    if (type !== FrameType.DATA) return;
    const request = Buffer.concat([requests.get(stream) ?? Buffer.alloc(0), payload]);
    requests.set(stream, request);
    if ((flags & Flag.END_STREAM) === 0) return;
    requests.delete(stream);
    const name = nameIn(request);
    const health = name.startsWith(HEALTH);
    tell({ stream, health, socket, send, sendInParts }, health ? name.slice(HEALTH.length) : name);
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
}

/** Field 1 of a request, behind the prefix of five bytes; of both services a string. */
function nameIn(request: Buffer): string {
  return stringIn(request.subarray(5, 5 + request.readUInt32BE(1)));
}
