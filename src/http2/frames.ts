/** Frames of HTTP/2 as bytes: their codes, a writer and a reader. RFC 9113, sections 4, 6 and 7. */
import { Buffer } from "node:buffer";
import { MAX_FRAME_BYTES } from "./limits.ts";

/** Types of frames: RFC 9113, sections 6.1 to 6.10. */
export const DATA = 0, HEADERS = 1, PRIORITY = 2, RST_STREAM = 3, SETTINGS = 4, PUSH_PROMISE = 5;
export const PING = 6, GOAWAY = 7, WINDOW_UPDATE = 8, CONTINUATION = 9;

/** Flags: of DATA and HEADERS (sections 6.1, 6.2), and ACK of SETTINGS and PING (6.5, 6.7). */
export const END_STREAM = 0x1, END_HEADERS = 0x4, PADDED = 0x8, HAS_PRIORITY = 0x20, ACK = 0x1;

/** Error codes: RFC 9113, section 7. */
export const NO_ERROR = 0, PROTOCOL_ERROR = 1, INTERNAL_ERROR = 2, FLOW_CONTROL_ERROR = 3;
export const SETTINGS_TIMEOUT = 4, STREAM_CLOSED = 5, FRAME_SIZE_ERROR = 6, REFUSED_STREAM = 7;
export const CANCEL = 8, COMPRESSION_ERROR = 9, ENHANCE_YOUR_CALM = 11, INADEQUATE_SECURITY = 12;

/** What a client sends first: RFC 9113, section 3.4. */
export const PREFACE: Buffer = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** The head of a frame: RFC 9113, section 4.1. */
export const HEAD_BYTES = 9;

/** An error of the whole connection: RFC 9113, section 5.4.1. */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  /** As node:http2 has it. */
  readonly code = "ERR_HTTP2_SESSION_ERROR";

  /**
   * @param errorCode what GOAWAY says, such as {@linkcode PROTOCOL_ERROR}
   * @param reason what the peer has done
   */
  constructor(readonly errorCode: number, readonly reason: string) {
    super(`HTTP/2 protocol error: ${reason}`);
  }
}

/** A stream is reset by this side, since its peer has broken the protocol in it or sent too much. */
export class StreamError extends Error {
  override readonly name = "StreamError";
  /** Not that of node:http2 for a stream that the peer has reset. */
  readonly code = "ERR_HTTP2_ERROR";

  /**
   * @param errorCode what RST_STREAM or GOAWAY says, such as {@linkcode ENHANCE_YOUR_CALM}
   * @param reason what the peer has done
   */
  constructor(readonly errorCode: number, readonly reason: string) {
    super(`HTTP/2 stream error: ${reason}`);
  }
}

/** How much memory is taken at once for frames to come. */
const SLAB_BYTES = 16 * 1024;
/** A slab with less room than this is not worth keeping. */
const USEFUL_BYTES = 1024;

interface Slab {
  readonly bytes: Buffer;
  used: number;
}

/** The slabs that nobody writes to now and that have room left, for all connections. */
const slabs: Slab[] = [];

/** Writes frames one behind another, until somebody takes them. */
export class FrameWriter {
  /** How many bytes of whole slabs wait. */
  private fullBytes = 0;
  private full: Buffer[] = [];
  private slab: Slab | undefined;
  private from = 0;

  /** @param onOutput called when there is something to take again */
  constructor(private readonly onOutput: () => void) {}

  /** How many bytes wait. */
  get size(): number {
    return this.fullBytes + (this.slab === undefined ? 0 : this.slab.used - this.from);
  }

  /** Takes what waits. */
  take(): Buffer[] {
    const { full, slab } = this;
    if (slab !== undefined) {
      if (slab.used > this.from) full.push(slab.bytes.subarray(this.from, slab.used));
      if (slab.bytes.length - slab.used >= USEFUL_BYTES) slabs.push(slab);
    }
    this.slab = undefined;
    this.full = [];
    this.fullBytes = 0;
    return full;
  }

  /** Writes the head of a frame, whose payload of `length` bytes has to follow. */
  head(type: number, flags: number, id: number, length: number): void {
    const slab = this.room(HEAD_BYTES + length);
    const { bytes } = slab;
    let at = slab.used;
    bytes[at++] = length >>> 16;
    bytes[at++] = length >>> 8;
    bytes[at++] = length;
    bytes[at++] = type;
    bytes[at++] = flags;
    bytes[at++] = id >>> 24;
    bytes[at++] = id >>> 16;
    bytes[at++] = id >>> 8;
    bytes[at++] = id;
    slab.used = at;
  }

  u16(value: number): void {
    const slab = this.slab!;
    slab.bytes[slab.used++] = value >>> 8;
    slab.bytes[slab.used++] = value;
  }

  u32(value: number): void {
    this.u16(value >>> 16);
    this.u16(value);
  }

  /** Writes a part of a payload. */
  payload(chunk: Uint8Array, from = 0, length = chunk.length): void {
    const slab = this.slab!;
    const { bytes } = slab;
    const { used } = slab;
    // A call of `set` takes longer than to copy few bytes by hand.
    if (length > 64) bytes.set(chunk.subarray(from, from + length), used);
    else for (let i = 0; i < length; i++) bytes[used + i] = chunk[from + i]!;
    slab.used += length;
  }

  /** Writes bytes that are no frame: the preface. */
  raw(bytes: Uint8Array): void {
    this.room(bytes.length);
    this.payload(bytes);
  }

  private room(length: number): Slab {
    let { slab } = this;
    if (slab === undefined) {
      if (this.full.length === 0) this.onOutput();
    } else if (slab.used + length > slab.bytes.length) {
      this.full.push(slab.bytes.subarray(this.from, slab.used));
      this.fullBytes += slab.used - this.from;
      slab = undefined;
    }
    if (slab === undefined) {
      slab = slabs.pop();
      if (slab === undefined || slab.used + length > slab.bytes.length) {
        slab = { bytes: Buffer.allocUnsafeSlow(Math.max(SLAB_BYTES, length)), used: 0 };
      }
      this.from = slab.used;
      this.slab = slab;
    }
    return slab;
  }
}

/** Takes frames: the payload is what `bytes` holds between `from` and `to`. */
export type OnFrame = (
  type: number,
  flags: number,
  id: number,
  bytes: Buffer,
  from: number,
  to: number,
) => void;

/** Finds frames in bytes that come in pieces. */
export class FrameReader {
  /** The beginning of a frame, with room for all of it that is known to come. */
  private part: Buffer | undefined;
  private partBytes = 0;
  private held: Buffer | undefined;
  private isHeld = false;
  private isStopped = false;

  /** @param prefaceLeft how many bytes of the preface have to come first */
  constructor(private readonly onFrame: OnFrame, private prefaceLeft: number) {}

  /**
   * Reads what has come.
   *
   * @throws {ConnectionError} if it cannot be HTTP/2, or what `onFrame` throws
   */
  receive(bytes: Buffer): void {
    if (this.isStopped) return;
    if (this.isHeld) {
      this.held = this.held === undefined ? bytes : Buffer.concat([this.held, bytes]);
      return;
    }
    let at = this.prefaceLeft > 0 ? this.preface(bytes) : 0;
    if (this.part !== undefined) at = this.complete(bytes, at);
    while (bytes.length - at >= HEAD_BYTES) {
      const end = at + HEAD_BYTES + lengthOf(bytes, at);
      if (end > bytes.length) break;
      this.frame(bytes, at, end);
      at = end;
      if (this.isStopped) return;
      if (this.isHeld) return this.receive(bytes.subarray(at));
    }
    if (at < bytes.length) this.begin(bytes, at);
  }

  /** Keeps what comes from now on, until {@linkcode release}. */
  hold(): void {
    this.isHeld = true;
  }

  /** Reads what was kept. */
  release(): void {
    const { held } = this;
    this.isHeld = false;
    this.held = undefined;
    if (held !== undefined) this.receive(held);
  }

  /** Reads nothing more. */
  stop(): void {
    this.isStopped = true;
    this.part = this.held = undefined;
  }

  private preface(bytes: Buffer): number {
    const length = Math.min(this.prefaceLeft, bytes.length);
    const from = PREFACE.length - this.prefaceLeft;
    for (let i = 0; i < length; i++) {
      if (bytes[i] === PREFACE[from + i]) continue;
      throw new ConnectionError(PROTOCOL_ERROR, "the connection does not begin as HTTP/2 does");
    }
    this.prefaceLeft -= length;
    return length;
  }

  /** Copies the beginning of a frame, so that it holds no more memory than the frame has. */
  private begin(bytes: Buffer, at: number): void {
    const { length } = bytes;
    const size = length - at < HEAD_BYTES ? HEAD_BYTES : HEAD_BYTES + lengthOf(bytes, at);
    this.part = Buffer.allocUnsafe(size);
    this.partBytes = bytes.copy(this.part, 0, at, length);
  }

  /** Adds to the beginning of a frame; returns how far `bytes` are used. */
  private complete(bytes: Buffer, at: number): number {
    let part = this.part!;
    at += this.add(bytes, at);
    if (this.partBytes < HEAD_BYTES) return at;
    const size = HEAD_BYTES + lengthOf(part, 0);
    if (part.length < size) {
      this.part = Buffer.allocUnsafe(size);
      part.copy(this.part, 0, 0, HEAD_BYTES);
      part = this.part;
      at += this.add(bytes, at);
    }
    if (this.partBytes < size) return at;
    this.part = undefined;
    this.frame(part, 0, size);
    return at;
  }

  private add(bytes: Buffer, at: number): number {
    const length = bytes.copy(this.part!, this.partBytes, at);
    this.partBytes += length;
    return length;
  }

  private frame(bytes: Buffer, at: number, end: number): void {
    const id = (bytes[at + 5]! & 0x7f) << 24 | bytes[at + 6]! << 16 | bytes[at + 7]! << 8 |
      bytes[at + 8]!;
    this.onFrame(bytes[at + 3]!, bytes[at + 4]!, id, bytes, at + HEAD_BYTES, end);
  }
}

function lengthOf(bytes: Buffer, at: number): number {
  const length = bytes[at]! << 16 | bytes[at + 1]! << 8 | bytes[at + 2]!;
  if (length <= MAX_FRAME_BYTES) return length;
  throw new ConnectionError(FRAME_SIZE_ERROR, `a frame of ${length} bytes`);
}
