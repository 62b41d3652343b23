/**
 * Writes HTTP/2 frames, right ones and wrong ones alike: nothing is checked here. src/http2/ writes those
 * that are right, faster.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9113
 */
import { Buffer } from "node:buffer";
import * as http2 from "../http2/frames.ts";
import { MAX_WINDOW } from "../http2/limits.ts";

export { MAX_WINDOW };

/** A header's name and value. */
export type Field = readonly [name: string, value: string];

const EMPTY = Buffer.alloc(0);

/** Any frame. */
export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array = EMPTY,
): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(streamId, 5);
  return Buffer.concat([head, payload]);
}

/** A SETTINGS frame with these values. */
export function settings(...values: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(6 * values.length);
  values.forEach(([id, value], index) => {
    payload.writeUInt16BE(id, 6 * index);
    payload.writeUInt32BE(value, 6 * index + 2);
  });
  return frame(http2.SETTINGS, 0, 0, payload);
}

/** A HEADERS frame. Without END_HEADERS a CONTINUATION has to follow. */
export function headers(
  streamId: number,
  fields: readonly Field[],
  flags: number = http2.END_HEADERS,
): Buffer {
  return frame(http2.HEADERS, flags, streamId, headerBlock(fields));
}

/**
 * The frames of a header block.
 *
 * @param flags further ones of the HEADERS frame
 */
export function blockFrames(
  streamId: number,
  block: Buffer,
  { frameBytes = 16_384, flags = 0 } = {},
): Buffer[] {
  const frames: Buffer[] = [];
  for (let start = 0; start < block.length; start += frameBytes) {
    const end = start + frameBytes;
    const last = end < block.length ? 0 : http2.END_HEADERS;
    const [type, first] = start === 0 ? [http2.HEADERS, flags] : [http2.CONTINUATION, 0];
    frames.push(frame(type, first | last, streamId, block.subarray(start, end)));
  }
  return frames;
}

/** A DATA frame. */
export function data(
  streamId: number,
  payload: Uint8Array = EMPTY,
  flags: number = 0,
): Buffer {
  return frame(http2.DATA, flags, streamId, payload);
}

/** An RST_STREAM frame. */
export function rstStream(streamId: number, code: number = http2.CANCEL): Buffer {
  return frame(http2.RST_STREAM, 0, streamId, uint32(code));
}

/** A WINDOW_UPDATE frame; stream 0 is the connection. */
export function windowUpdate(streamId: number, increment: number): Buffer {
  return frame(http2.WINDOW_UPDATE, 0, streamId, uint32(increment));
}

/** A PING frame with eight bytes that tell it from others. */
export function ping(number = 0, flags: number = 0): Buffer {
  return frame(http2.PING, flags, 0, Buffer.concat([uint32(0), uint32(number)]));
}

/** A header block of literals without indexing and without Huffman coding (RFC 7541, 6.2.2). */
export function headerBlock(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [
    Buffer.of(0),
    ...literal(name),
    ...literal(value),
  ]));
}

/**
 * A gRPC message with its prefix of five bytes.
 *
 * @param length what the prefix says, true or not
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests
 */
export function grpcMessage(
  message: Uint8Array,
  length = message.length,
  flag = 0,
): Buffer<ArrayBuffer> {
  return Buffer.concat([Buffer.of(flag), uint32(length), message]);
}

/** GetUserResponse: field 1, the string "hello". */
export const GREETING = Buffer.from("\x0a\x05hello", "latin1");

/** A GOAWAY frame. */
export function goaway(lastStream = MAX_WINDOW, code = 0): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeUInt32BE(lastStream, 0);
  payload.writeUInt32BE(code, 4);
  return frame(http2.GOAWAY, 0, 0, payload);
}

/** The headers that begin an answer, with some of them replaced, added or, as "", left out. */
export function begin(stream: number, changes: Readonly<Record<string, string>> = {}): Buffer {
  return headers(stream, answerFields(changes));
}

/** Headers that are the whole answer. */
export function only(stream: number, changes: Readonly<Record<string, string>> = {}): Buffer {
  return headers(stream, answerFields(changes), http2.END_HEADERS | http2.END_STREAM);
}

/** The trailers that end an answer. */
export function end(stream: number, status: string, ...more: readonly Field[]): Buffer {
  const fields: Field[] = [["grpc-status", status], ...more];
  return headers(stream, fields, http2.END_HEADERS | http2.END_STREAM);
}

/** The DATA frame of one message. */
export function message(stream: number, bytes: Uint8Array = GREETING): Buffer {
  return data(stream, grpcMessage(bytes));
}

/** The frames of a whole answer that is right. */
export function answer(stream: number, bytes: Uint8Array = GREETING): Buffer {
  return Buffer.concat([begin(stream), message(stream, bytes), end(stream, "0")]);
}

function answerFields(changes: Readonly<Record<string, string>>): Field[] {
  const fields = { ":status": "200", "content-type": "application/grpc", ...changes };
  return Object.entries(fields).filter(([, value]) => value !== "");
}

function uint32(value: number): Buffer<ArrayBuffer> {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

// Latin-1, so that a test can send any byte.
function literal(text: string): Buffer[] {
  const bytes = Buffer.from(text, "latin1");
  return [integer(bytes.length), bytes];
}

/** An integer with a prefix of seven bits (RFC 7541, 5.1). */
function integer(value: number): Buffer {
  if (value < 0x7f) return Buffer.of(value);
  const bytes = [0x7f];
  for (let rest = value - 0x7f;; rest >>= 7) {
    if (rest < 0x80) return Buffer.from([...bytes, rest]);
    bytes.push(rest & 0x7f | 0x80);
  }
}
