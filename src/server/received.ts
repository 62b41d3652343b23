/**
 * What requests of all protocols take of the memory, and the limit of it: large headers until the
 * request has its answer, bodies until they are decoded.
 */
import { status } from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import { gunzipSync, inflateSync } from "node:zlib";
import { PREFIX_BYTES } from "../contract/grpc_protocol.ts";
import type { PartialBytes } from "../workarounds/received_messages.ts";
import { LIMITS } from "./limits.ts";

/** Why a request is refused when all of them take too much memory. */
export const NO_ROOM = "requests that this server has not wholly received take too much memory";

/** Headers by their names. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** What a header counts besides its name and value: RFC 9113, section 6.5.2. */
export const FIELD_OVERHEAD = 32;

/** How much room the first bytes of a request get. */
const FIRST_ROOM = 1024;

/** What the largest message with its prefix takes. */
const ENOUGH_ROOM = LIMITS.messageBytes + PREFIX_BYTES;

/** Headers below this size, in bytes, are not counted: those of nearly all calls are smaller. */
const SMALL_HEADER_BYTES = 2 * 1024;

/** What a request takes. */
interface Room {
  bytes: number;
  /** Called when there is too little room; the request has to give up what it takes. */
  readonly refuse: () => void;
}

const rooms = new Set<Room>();
let taken = 0;

/**
 * Takes in a request that comes in parts. They go into one piece of memory: as objects, parts of one
 * byte would take hundreds of bytes each. `release` has to be called in the end, and gives it back.
 *
 * When all that the process has not wholly received takes more than {@linkcode LIMITS.receivedBytes},
 * the largest requests are refused until a quarter of that is free: small ones are answered, however
 * many large ones somebody leaves unfinished.
 *
 * @param refuse called when this request is to be refused; it is released already
 */
export function receive(refuse: () => void): PartialBytes {
  const room = openRoom(refuse);
  let memory = new ArrayBuffer(0);
  let length = 0;
  return {
    add(part) {
      const needed = length + part.length;
      if (needed > memory.byteLength) {
        const doubled = Math.max(FIRST_ROOM, 2 * length);
        memory = memory.transfer(Math.max(needed, Math.min(doubled, ENOUGH_ROOM)));
      }
      new Uint8Array(memory).set(part, length);
      length = needed;
      take(room, memory.byteLength);
    },
    bytes: () => Buffer.from(memory, 0, length),
    release() {
      release(room);
      // At once, and not with the next garbage collection.
      memory = memory.transfer(0);
    },
  };
}

/**
 * Counts the headers of a request, which stay in memory until it has its answer, as {@linkcode receive}
 * counts bodies.
 *
 * @param refuse called when the request is to be refused
 * @returns what is to be called when the request has its answer; undefined for small headers
 */
export function countHeaders(
  headers: RequestHeaders,
  refuse: () => void,
): (() => void) | undefined {
  let bytes = 0;
  for (const name in headers) {
    const value = headers[name];
    bytes += name.length + FIELD_OVERHEAD;
    if (typeof value === "string") bytes += value.length;
    else for (const one of value ?? []) bytes += one.length + FIELD_OVERHEAD;
  }
  if (bytes <= SMALL_HEADER_BYTES) return undefined;
  const room = openRoom(refuse);
  take(room, bytes);
  return () => release(room);
}

function openRoom(refuse: () => void): Room {
  const room: Room = { bytes: 0, refuse };
  rooms.add(room);
  return room;
}

function take(room: Room, bytes: number): void {
  if (!rooms.has(room)) return;
  taken += bytes - room.bytes;
  room.bytes = bytes;
  if (taken <= LIMITS.receivedBytes) return;
  for (const largest of [...rooms].toSorted((a, b) => b.bytes - a.bytes)) {
    if (taken <= LIMITS.receivedBytes * 3 / 4) return;
    release(largest);
    largest.refuse();
  }
}

function release(room: Room): void {
  if (rooms.delete(room)) taken -= room.bytes;
}

/** Why a message is not decompressed. */
export class DecompressionError extends Error {
  /** @param code UNIMPLEMENTED, RESOURCE_EXHAUSTED, or INTERNAL for broken data */
  constructor(readonly code: status, readonly details: string) {
    super(details);
  }
}

/**
 * Decompresses a message, synchronously: the largest takes some milliseconds, a usual one as many
 * microseconds. It counts as not wholly received until it is decoded, in the same turn of the event
 * loop: many may come in one read of a socket.
 *
 * There is no brotli: Deno's accepts data that are cut off, and leaks memory over some that are broken.
 *
 * @param encoding `gzip` or `deflate`
 * @param maxBytes the largest that it may become
 * @throws {DecompressionError} which is also a status of grpc-js
 */
export function decompress(
  bytes: Uint8Array,
  encoding: string,
  maxBytes: number = LIMITS.messageBytes,
): Buffer {
  const inflate = { gzip: gunzipSync, deflate: inflateSync }[encoding];
  if (inflate === undefined) {
    const details = `the encoding "${encoding}" is not known; there are gzip and deflate`;
    throw new DecompressionError(status.UNIMPLEMENTED, details);
  }
  let message;
  try {
    message = inflate(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    throw (error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE"
      ? new DecompressionError(
        status.RESOURCE_EXHAUSTED,
        `more than ${maxBytes} bytes, decompressed`,
      )
      : new DecompressionError(status.INTERNAL, "the compressed message is broken or cut off");
  }
  const room = openRoom(() => {});
  take(room, message.length);
  if (!rooms.has(room)) throw new DecompressionError(status.RESOURCE_EXHAUSTED, NO_ROOM);
  queueMicrotask(() => release(room));
  return message;
}
