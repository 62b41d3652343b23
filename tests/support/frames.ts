/**
 * Writes HTTP/2 frames, right ones and wrong ones alike, and finds them in what has come: nothing is
 * checked here.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9113
 */
import { Buffer } from "node:buffer";

/** What a client sends before its first frame. */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** @see https://www.rfc-editor.org/rfc/rfc9113#section-6 */
export const FrameType = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

/** @see https://www.rfc-editor.org/rfc/rfc9113#section-6 */
export const Flag = { NONE: 0, END_STREAM: 0x1, ACK: 0x1, END_HEADERS: 0x4 } as const;

/** @see https://www.rfc-editor.org/rfc/rfc9113#section-6.5.2 */
export const Setting = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
} as const;

/** @see https://www.rfc-editor.org/rfc/rfc9113#section-7 */
export const ErrorCode = { NO_ERROR: 0, PROTOCOL_ERROR: 1, CANCEL: 8 } as const;

/** The largest increment and the largest window. */
export const MAX_WINDOW = 2 ** 31 - 1;

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
  return frame(FrameType.SETTINGS, Flag.NONE, 0, payload);
}

/** What a client that means well sends first. */
export const HELLO = Buffer.concat([PREFACE, settings()]);

/** A HEADERS frame. Without END_HEADERS a CONTINUATION has to follow. */
export function headers(
  streamId: number,
  fields: readonly Field[],
  flags: number = Flag.END_HEADERS,
): Buffer {
  return frame(FrameType.HEADERS, flags, streamId, headerBlock(fields));
}

/** A header block of any size: HEADERS and, where one frame cannot hold it, CONTINUATION. */
export function longHeaders(
  streamId: number,
  fields: readonly Field[],
  frameBytes = 16_384,
): Buffer {
  return Buffer.concat(blockFrames(streamId, headerBlock(fields), { frameBytes }));
}

/**
 * The frames of a header block.
 *
 * @param flags further ones of the HEADERS frame
 */
export function blockFrames(
  streamId: number,
  block: Buffer,
  { frameBytes = 16_384, flags = Flag.NONE as number } = {},
): Buffer[] {
  const frames: Buffer[] = [];
  for (let start = 0; start < block.length; start += frameBytes) {
    const end = start + frameBytes;
    const last = end < block.length ? Flag.NONE : Flag.END_HEADERS;
    const [type, first] = start === 0 ? [FrameType.HEADERS, flags] : [FrameType.CONTINUATION, 0];
    frames.push(frame(type, first | last, streamId, block.subarray(start, end)));
  }
  return frames;
}

/** A DATA frame. */
export function data(
  streamId: number,
  payload: Uint8Array = EMPTY,
  flags: number = Flag.NONE,
): Buffer {
  return frame(FrameType.DATA, flags, streamId, payload);
}

/** An RST_STREAM frame. */
export function rstStream(streamId: number, code: number = ErrorCode.CANCEL): Buffer {
  return frame(FrameType.RST_STREAM, Flag.NONE, streamId, uint32(code));
}

/** A WINDOW_UPDATE frame; stream 0 is the connection. */
export function windowUpdate(streamId: number, increment: number): Buffer {
  return frame(FrameType.WINDOW_UPDATE, Flag.NONE, streamId, uint32(increment));
}

/** A PING frame with eight bytes that tell it from others. */
export function ping(number = 0, flags: number = Flag.NONE): Buffer {
  return frame(FrameType.PING, flags, 0, Buffer.concat([uint32(0), uint32(number)]));
}

/** A header block of literals without indexing and without Huffman coding (RFC 7541, 6.2.2). */
export function headerBlock(fields: readonly Field[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [
    Buffer.of(0),
    ...literal(name),
    ...literal(value),
  ]));
}

/** The headers of a call of GetUser, with some of them replaced, added or, as "", left out. */
export function callFields(changes: Readonly<Record<string, string>> = {}): Field[] {
  const fields = {
    ":method": "POST",
    ":scheme": "http",
    ":path": "/userservice.UserService/GetUser",
    ":authority": "localhost",
    "content-type": "application/grpc",
    "te": "trailers",
    ...changes,
  };
  return Object.entries(fields).filter(([, value]) => value !== "");
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

/** A GetUserRequest, or its answer: field 1, a string shorter than 16 KiB. */
export function getUserRequest(username: string): Buffer<ArrayBuffer> {
  const text = Buffer.from(username);
  const { length } = text;
  const size = length < 0x80 ? [length] : [length & 0x7f | 0x80, length >> 7];
  return Buffer.concat([Buffer.of(0x0a, ...size), text]);
}

/** The string in such a message. */
export function stringIn(message: Buffer): string {
  return message.subarray(message[1]! < 0x80 ? 2 : 3).toString();
}

/** A whole call of GetUser. */
export function call(streamId: number, username: string): Buffer {
  return Buffer.concat([
    headers(streamId, callFields()),
    data(streamId, grpcMessage(getUserRequest(username)), Flag.END_STREAM),
  ]);
}

/** GetUserResponse: field 1, the string "hello". */
export const GREETING = Buffer.from("\x0a\x05hello", "latin1");

/** HealthCheckResponse: field 1, SERVING. */
export const SERVING = Buffer.of(0x08, 1);

/** A GOAWAY frame. */
export function goaway(lastStream = MAX_WINDOW, code = 0): Buffer {
  const payload = Buffer.alloc(8);
  payload.writeUInt32BE(lastStream, 0);
  payload.writeUInt32BE(code, 4);
  return frame(FrameType.GOAWAY, Flag.NONE, 0, payload);
}

/** The headers that begin an answer, with some of them replaced, added or, as "", left out. */
export function begin(stream: number, changes: Readonly<Record<string, string>> = {}): Buffer {
  return headers(stream, answerFields(changes));
}

/** Headers that are the whole answer. */
export function only(stream: number, changes: Readonly<Record<string, string>> = {}): Buffer {
  return headers(stream, answerFields(changes), Flag.END_HEADERS | Flag.END_STREAM);
}

/** The trailers that end an answer. */
export function end(stream: number, status: string, ...more: readonly Field[]): Buffer {
  const fields: Field[] = [["grpc-status", status], ...more];
  return headers(stream, fields, Flag.END_HEADERS | Flag.END_STREAM);
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

/** The numbers of streams that a client opens, in order: 1, 3, 5 and so on. */
export function streamIds(count: number): number[] {
  return Array.from({ length: count }, (_, index) => 2 * index + 1);
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

/** A TLS 1.2 ClientHello without extensions: record header, handshake header, and what they hold. */
export const CLIENT_HELLO = Buffer.concat([
  Buffer.of(0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 3),
  Buffer.alloc(32, 7),
  Buffer.of(0, 0, 2, 0x13, 1, 1, 0),
]);

/** A frame that has come. */
export interface ReceivedFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Uint8Array;
}

/**
 * Finds the frames in bytes that have come.
 *
 * @returns the rest, which is the beginning of the next one
 */
export function takeFrames(bytes: Uint8Array, onFrame: (frame: ReceivedFrame) => void): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let start = 0;
  while (start + 9 <= bytes.length) {
    const end = start + 9 + (view.getUint32(start) >>> 8);
    if (end > bytes.length) break;
    onFrame({
      type: view.getUint8(start + 3),
      flags: view.getUint8(start + 4),
      streamId: view.getUint32(start + 5),
      payload: bytes.subarray(start + 9, end),
    });
    start = end;
  }
  return bytes.subarray(start);
}
