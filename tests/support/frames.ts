/** HTTP/2 frames for tests: those of a client, on top of what the gauntlet writes. */
import { Buffer } from "node:buffer";
import {
  blockFrames,
  data,
  type Field,
  grpcMessage,
  headerBlock,
  headers,
  settings,
} from "../../src/gauntlet/frames.ts";
import * as http2 from "../../src/http2/frames.ts";

export * from "../../src/gauntlet/frames.ts";

/** What a client sends before its first frame. */
export const PREFACE = http2.PREFACE;

const { DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE } = http2;
const { PING, GOAWAY, WINDOW_UPDATE, CONTINUATION, END_STREAM, END_HEADERS, ACK } = http2;
const { NO_ERROR, PROTOCOL_ERROR, CANCEL } = http2;

/** @see https://www.rfc-editor.org/rfc/rfc9113#section-6 */
export const FrameType = {
  ...{ DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS },
  ...{ PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION },
} as const;

/** @see https://www.rfc-editor.org/rfc/rfc9113#section-6 */
export const Flag = { NONE: 0, END_STREAM, ACK, END_HEADERS } as const;

/** @see https://www.rfc-editor.org/rfc/rfc9113#section-6.5.2 */
export const Setting = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
} as const;

/** @see https://www.rfc-editor.org/rfc/rfc9113#section-7 */
export const ErrorCode = { NO_ERROR, PROTOCOL_ERROR, CANCEL } as const;

/** What a client that means well sends first. */
export const HELLO = Buffer.concat([PREFACE, settings()]);

/** A header block of any size: HEADERS and, where one frame cannot hold it, CONTINUATION. */
export function longHeaders(
  streamId: number,
  fields: readonly Field[],
  frameBytes = 16_384,
): Buffer {
  return Buffer.concat(blockFrames(streamId, headerBlock(fields), { frameBytes }));
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

/** HealthCheckResponse: field 1, SERVING. */
export const SERVING = Buffer.of(0x08, 1);

/** The numbers of streams that a client opens, in order: 1, 3, 5 and so on. */
export function streamIds(count: number): number[] {
  return Array.from({ length: count }, (_, index) => 2 * index + 1);
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
