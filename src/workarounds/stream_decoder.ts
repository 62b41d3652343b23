/**
 * grpc-js makes three buffers for each side of a call to read its messages with.
 *
 * - What is wrong: the constructor of its `StreamDecoder` calls `Buffer.alloc` for what nearly no call
 *   needs, and a message that comes in one frame is copied into nothing.
 * - Versions: @grpc/grpc-js 1.14.7.
 * - Upstream: no issue is known.
 * - Measured on Deno 2.9.6: a message of 7 bytes takes the decoder 1.4 us, this one 0.02; a call takes
 *   some 10 us of the server's CPU.
 * - Fails: after an update it throws where grpc-js has no such class (tests/workarounds/guards_test.ts).
 * - It can go when a server without it takes no more CPU for a call (`deno task bench`).
 */
import streamDecoder from "@grpc/grpc-js/build/src/stream-decoder.js";
import type { Buffer } from "node:buffer";
import { PREFIX_BYTES } from "../contract/grpc_protocol.ts";
import { privateMethods } from "./private_parts.ts";

/** What reads messages from the data of a stream, with the prefix of five bytes that each has. */
interface MessageReader {
  /** 0 between two messages. */
  readonly readState: number;
  write(data: Buffer): Buffer[];
}

const decoders = streamDecoder as unknown as {
  StreamDecoder: new (maxBytes: number) => MessageReader;
};

/** Has grpc-js make what a message in parts needs only when there is one; for `changeGrpc`. */
export function readWholeMessages(): void {
  const { StreamDecoder } = decoders;
  privateMethods<MessageReader>(StreamDecoder, ["write"]);
  decoders.StreamDecoder = class implements MessageReader {
    #parts: MessageReader | undefined;

    constructor(readonly maxReadMessageLength: number) {}

    get readState(): number {
      return this.#parts?.readState ?? 0;
    }

    write(data: Buffer): Buffer[] {
      const bytes = data.length - PREFIX_BYTES;
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
