/** A socket without a network. */
import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import process from "node:process";
import { setImmediate } from "node:timers";

/** What a test does with it. */
export interface FakeSocket {
  readonly socket: Socket;
  /** Has bytes come, and waits until all that they lead to has happened. */
  feed(bytes: Buffer): Promise<void>;
  /** What was sent since the last call. */
  take(): Buffer;
  /** From now on all that is written waits, until what was sent is taken. */
  stopReading(): void;
  /** Whether the other side has ended it. */
  readonly isEnded: boolean;
  /** The connection goes. */
  close(): void;
}

/** Makes a socket, which takes all that is written at once unless it is told otherwise. */
export function fakeSocket(): FakeSocket {
  let sent: Buffer[] = [];
  let isClosed = false, isReading = true;
  const socket = Object.assign(new EventEmitter(), {
    writable: true,
    destroyed: false,
    writableLength: 0,
    write(bytes: Uint8Array) {
      sent.push(Buffer.from(bytes));
      if (!isReading) socket.writableLength += bytes.length;
      return isReading;
    },
    cork() {},
    uncork() {},
    ref() {},
    unref() {},
    end() {
      socket.writable = false;
      if (socket.writableLength === 0) process.nextTick(() => socket.emit("finish"));
    },
    destroy() {
      socket.writable = false;
      socket.destroyed = true;
      close();
    },
  });
  function close(): void {
    if (isClosed) return;
    isClosed = true;
    socket.writable = false;
    socket.emit("close");
  }
  return {
    socket: socket as unknown as Socket,
    async feed(bytes) {
      if (!isClosed) socket.emit("data", bytes);
      await settled();
    },
    take() {
      const all = Buffer.concat(sent);
      sent = [];
      if (socket.writableLength > 0) {
        socket.writableLength = 0;
        socket.emit(socket.writable ? "drain" : "finish");
      }
      return all;
    },
    stopReading() {
      isReading = false;
    },
    get isEnded() {
      return !socket.writable;
    },
    close,
  };
}

/** Some of what happens waits for the next turn of the event loop, and that for what it leads to. */
async function settled(): Promise<void> {
  await new Promise<void>((resolve) => setImmediate(resolve));
  await new Promise<void>((resolve) => process.nextTick(resolve));
}
