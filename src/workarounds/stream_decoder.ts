/**
 * grpc-js makes three buffers for each side of a call to read its messages with.
 *
 * - What is wrong: the constructor of its `StreamDecoder` calls `Buffer.alloc` for what nearly no call
 *   needs: a message that comes in one frame is copied into nothing. On Deno each costs 1.8 us, on Node
 *   0.1.
 * - Versions: @grpc/grpc-js 1.14.7 on Deno 2.9.2.
 * - Upstream: no issue is known.
 * - Measured: a call took 10 us of the server's CPU with it, 12 without (minima 10 and 11, medians 10.5 and 13
 *   of six interleaved loads; h2load with 4 connections x 25 streams, 2 shared cores).
 * - Fails: after an update it throws where grpc-js has no such class (tests/workarounds/guards_test.ts).
 * - It can go when a server without it takes no more CPU for a call (`deno task bench`).
 */
import streamDecoder from "@grpc/grpc-js/build/src/stream-decoder.js";
import type { Buffer } from "node:buffer";

/** What reads messages from the data of a stream, with the prefix of five bytes that each has. */
interface MessageReader {
  /** 0 between two messages. */
  readonly readState: number;
  write(data: Buffer): Buffer[];
}

interface Decoders {
  StreamDecoder: new (maxBytes: number) => MessageReader;
}

/** The length of what is before each message: a flag and a size. */
const PREFIX = 5;

let isLight = false;

/**
 * Has grpc-js make what a message in parts needs only when there is one.
 *
 * @throws {Error} if this grpc-js has no such class
 */
export function readWholeMessages(decoders: Decoders = streamDecoder as unknown as Decoders): void {
  if (isLight) return;
  const { StreamDecoder } = decoders;
  if (typeof StreamDecoder?.prototype.write !== "function") {
    throw new Error(
      "this grpc-js reads messages elsewhere: check src/workarounds/stream_decoder.ts",
    );
  }
  isLight = true;
  decoders.StreamDecoder = class implements MessageReader {
    #parts: MessageReader | undefined;

    constructor(readonly maxReadMessageLength: number) {}

    get readState(): number {
      return this.#parts?.readState ?? 0;
    }

    write(data: Buffer): Buffer[] {
      const bytes = data.length - PREFIX;
      const isWhole = this.#parts === undefined && bytes >= 0 && data.readUInt32BE(1) === bytes;
      const { maxReadMessageLength: max } = this;
      if (isWhole && (max === -1 || bytes <= max)) return [data];
      this.#parts ??= new StreamDecoder(max);
      const messages = this.#parts.write(data);
      if (this.#parts.readState === 0) this.#parts = undefined;
      return messages;
    }
  };
}
