/**
 * A server of odd answers, in raw frames: what it says is looked up by the username of a call, or, for
 * a check, by the name of the service. Nothing that it sends is checked.
 */
import { Buffer } from "node:buffer";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { Flag, frame, FrameType, PREFACE, settings } from "./frames.ts";

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
 * @param answers by name; a name that is not there gets no answer
 */
export async function withOddServer<T>(
  answers: Readonly<Record<string, Answer>>,
  use: (port: number) => Promise<T>,
  greeting: Greeting = greet,
): Promise<T> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.setNoDelay();
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    const greeted = greeting(socket);
    if (greeted === false) return;
    listenTo(socket, Promise.resolve(greeted), (call, name) => void answers[name]?.(call));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    return await use((server.address() as AddressInfo).port);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

/** Reads frames and tells of each call whose request is complete. */
function listenTo(
  socket: Socket,
  greeted: Promise<unknown>,
  tell: (call: Asked, name: string) => void,
): void {
  const requests = new Map<number, Buffer>();
  let come = Buffer.alloc(0);
  let hasPreface = false;
  /** Answers to PING and SETTINGS, which may not come within a frame. */
  let held: Uint8Array[] | undefined = [];
  void greeted.then(release);
  socket.on("data", (chunk: Uint8Array) => {
    come = Buffer.concat([come, chunk]);
    if (!hasPreface) {
      if (come.length < PREFACE.length) return;
      come = come.subarray(PREFACE.length);
      hasPreface = true;
    }
    while (come.length >= 9 && come.length >= 9 + come.readUIntBE(0, 3)) {
      const end = 9 + come.readUIntBE(0, 3);
      take(come[3]!, come[4]!, come.readUInt32BE(5), come.subarray(9, end));
      come = come.subarray(end);
    }
  });

  function take(type: number, flags: number, stream: number, payload: Buffer): void {
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
    if (!socket.destroyed && frames.length > 0) socket.write(Buffer.concat(frames));
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
  return request.subarray(7, 7 + (request[6] ?? 0)).toString();
}
