/** The frames of answers, right ones and wrong ones alike. */
import { Buffer } from "node:buffer";
import {
  data,
  type Field,
  Flag,
  frame,
  FrameType,
  grpcMessage,
  headers,
  MAX_WINDOW,
} from "./frames.ts";

/** GetUserResponse: field 1, the string "hello". */
export const HELLO = Buffer.from("\x0a\x05hello", "latin1");

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
export function message(stream: number, bytes: Uint8Array = HELLO): Buffer {
  return data(stream, grpcMessage(bytes));
}

/** The frames of a whole answer that is right. */
export function answer(stream: number, bytes: Uint8Array = HELLO): Buffer {
  return Buffer.concat([begin(stream), message(stream, bytes), end(stream, "0")]);
}

function answerFields(changes: Readonly<Record<string, string>>): Field[] {
  const fields = { ":status": "200", "content-type": "application/grpc", ...changes };
  return Object.entries(fields).filter(([, value]) => value !== "");
}
