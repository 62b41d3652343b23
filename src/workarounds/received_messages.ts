/**
 * grpc-js keeps whatever the messages of all calls together need, and serves a message that is flagged
 * as compressed in a call that names no encoding.
 *
 * - What is wrong: it keeps each part of an unfinished message, however small, as an object of its own,
 *   up to 4 MiB of bytes for each call of each connection; it decompresses as many messages at one time
 *   as come; and it takes a message with a false flag for an uncompressed one, where the specification
 *   demands INTERNAL.
 * - Versions: @grpc/grpc-js 1.14.7.
 * - Upstream: no issue is known;
 *   https://github.com/grpc/grpc/blob/master/doc/compression.md#compression-method-asymmetry-between-peers
 * - Measured: two connections with 80 unfinished messages each took 730 MB, now 170; the answer to a
 *   false flag was OK, now it is INTERNAL.
 * - Fails: without it "of messages that never end the largest are refused" in
 *   tests/abuse/large_messages_test.ts, and the cases of the compressed flag in
 *   tests/interop/wire_test.ts; after an update it throws where grpc-js has no such methods
 *   (tests/workarounds/guards_test.ts).
 * - It can go when grpc-js has such limits and answers INTERNAL.
 */
import { status } from "@grpc/grpc-js";
import { BaseServerInterceptingCall } from "@grpc/grpc-js/build/src/server-interceptors.js";
import { Buffer } from "node:buffer";
import { PREFIX_BYTES } from "../contract/grpc_protocol.ts";
import type { Stream } from "../http2/stream.ts";
import { privateMethods } from "./private_parts.ts";

/** What takes in the bytes of messages. */
interface MessageBytes {
  /** Begins to take in bytes that are not whole yet; `refuse` is called when there is no room for them. */
  receive(refuse: () => void): PartialBytes;
  /**
   * @throws a status, `{ code, details }`, for what it refuses
   */
  decompress(bytes: Buffer, encoding: string): Buffer;
  /** Why a call is refused for which there is no room. */
  readonly noRoom: string;
}

/** Bytes that come in parts. */
export interface PartialBytes {
  add(part: Uint8Array): void;
  /** All that has come. */
  bytes(): Buffer;
  /** Ends this: the bytes are gone. */
  release(): void;
}

/** A call in its parts that have no types. */
interface Call {
  readonly stream: Stream;
  sendStatus(status: { code: number; details: string; metadata: null }): void;
  checkCancelled(): boolean;
  partial?: PartialBytes | undefined;
  isWatched?: true;
}

type TakeData = (this: Call, data: Buffer) => void;
type Decompress = (message: Buffer, encoding: string) => Buffer | Promise<Buffer>;

interface CallMethods {
  handleDataFrame: TakeData;
  decompressMessage: Decompress;
}

/**
 * Has the messages of all calls of grpc-js's servers taken in by `using`, and INTERNAL answered to a
 * message that is flagged as compressed in a call that names no `grpc-encoding`.
 *
 * @param maxBytes of a message; grpc-js refuses larger ones
 * @returns the change, for `changeGrpc`
 */
export function limitMessages(using: MessageBytes, maxBytes: number): () => void {
  return () => {
    const calls = privateMethods<CallMethods>(BaseServerInterceptingCall, [
      "handleDataFrame",
      "decompressMessage",
    ]);
    calls.decompressMessage = decompressWith(using);
    calls.handleDataFrame = takeWhole(calls.handleDataFrame, using, maxBytes);
  };
}

function decompressWith(using: MessageBytes): Decompress {
  return (message, encoding) => {
    const content = message.subarray(PREFIX_BYTES);
    if (message[0] === 0) return content;
    if (encoding === "identity") {
      const details = "compressed message without grpc-encoding";
      return Promise.reject({ code: status.INTERNAL, details });
    }
    try {
      return using.decompress(content, encoding);
    } catch (error) {
      return Promise.reject(error);
    }
  };
}

/** Hands messages on when they are whole. Nearly all come whole in one frame: they are not touched. */
function takeWhole(take: TakeData, using: MessageBytes, maxBytes: number): TakeData {
  const drop = (call: Call) => {
    call.partial?.release();
    call.partial = undefined;
  };
  const begin = (call: Call): PartialBytes => {
    if (!call.isWatched) call.stream.once("close", () => drop(call));
    call.isWatched = true;
    return using.receive(() => {
      drop(call);
      const details = using.noRoom;
      call.sendStatus({ code: status.RESOURCE_EXHAUSTED, details, metadata: null });
    });
  };
  return function (data) {
    if (this.partial === undefined && wholeBytes(data, maxBytes) === data.length) {
      return take.call(this, data);
    }
    if (this.checkCancelled()) return drop(this);
    this.partial ??= begin(this);
    this.partial.add(data);
    // There may have been no room for it.
    if (this.partial === undefined) return;
    const bytes = this.partial.bytes();
    const whole = wholeBytes(bytes, maxBytes);
    if (whole === 0) return;
    const rest = Uint8Array.from(bytes.subarray(whole));
    // A copy: grpc-js decodes it later, and `drop` gives the memory back at once.
    take.call(this, Buffer.from(bytes.subarray(0, whole)));
    drop(this);
    if (rest.length === 0 || this.checkCancelled()) return;
    this.partial = begin(this);
    this.partial.add(rest);
  };
}

/** How many bytes from the start are whole messages; one that is too large is as good as whole. */
function wholeBytes(bytes: Buffer, maxBytes: number): number {
  let end = 0;
  while (end + PREFIX_BYTES <= bytes.length) {
    const size = bytes.readUInt32BE(end + 1);
    if (size > maxBytes) return bytes.length;
    if (end + PREFIX_BYTES + size > bytes.length) break;
    end += PREFIX_BYTES + size;
  }
  return end;
}
