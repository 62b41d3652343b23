/** Streams, in the shape in which node:http2 offers them, as far as grpc-js uses it. RFC 9113, section 5. */
import { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import process from "node:process";
import type { Headers } from "./fields.ts";
import { CANCEL, INTERNAL_ERROR, NO_ERROR } from "./frames.ts";
import type { OutgoingHeaders } from "./hpack_encoder.ts";

/** Told that a chunk was sent, or why it never will be. */
export type WriteCallback = (error?: Error | null) => void;

/** A chunk that waits for the windows or the peer. */
interface Write {
  readonly chunk: Uint8Array;
  at: number;
  readonly callback: WriteCallback | undefined;
}

/** Received bytes that wait for whoever reads the stream. */
interface Kept {
  readonly bytes: Buffer;
  length: number;
}

/** The smallest buffer for many small pieces. */
const KEPT_BYTES = 256;

/** What a stream asks of its connection. */
export interface StreamOwner {
  /** The windows of new streams, of either side. */
  readonly peerWindow: number;
  readonly localWindow: number;
  sendHeaders(id: number, headers: OutgoingHeaders, endStream: boolean): void;
  /** Sends as much as the windows and the peer allow, in so many frames at most; returns how much. */
  sendData(stream: Stream, chunk: Uint8Array, from: number, maxFrames?: number): number;
  sendEnd(stream: Stream): void;
  sendWindowUpdate(id: number, bytes: number): void;
  /** Has a stream send what it can, as soon as it can. */
  wait(stream: Stream): void;
  /** Our side of a stream has sent its last frame. */
  endLocally(stream: Stream): void;
  resetStream(stream: Stream, code: number): void;
}

/**
 * A stream of a connection. It is no stream of node:stream, which would cost as much as all the rest.
 *
 * It emits, in this order: `response` (client), `data`, `trailers`, `end`, `close`; `wantTrailers` once
 * all is sent where `respond` was told so; `error`, if anybody listens, before `close`.
 *
 * What has a name of node:http2 does what it does there; the rest is for its connection.
 */
export class Stream extends EventEmitter {
  rstCode: number = NO_ERROR;
  /** It was reset, by either side, or its connection broke. */
  destroyed = false;
  /** Nothing more is sent or received. */
  closed = false;
  headersSent = false;
  writableEnded = false;
  readableEnded = false;
  /** Whether an answer that ends before its request leaves the stream open, to read the rest. */
  keepsReading = false;

  /** The peer has ended its side, we have ended ours: RFC 9113, section 5.1. */
  remoteEnded = false;
  localEnded = false;
  hasResponse = false;
  /** How much of what `content-length` says is to come; -1: it says nothing. */
  contentLeft = -1;
  sendWindow: number;
  receiveWindow: number;
  /** Whether the connection knows that this stream could send. */
  isWaiting = false;
  /** The next one at the same place in the table of streams. */
  next: Stream | undefined = undefined;

  private flowing: boolean | undefined = undefined;
  private waitForTrailers = false;
  private consumedBytes = 0;
  private kept: Kept[] | undefined = undefined;
  private keptBytes = 0;
  private trailers: Headers | undefined = undefined;
  private trailersFlags = 0;
  private areTrailersDue = false;
  private isOver = false;
  private writes: Write[] | undefined = undefined;

  /** @param id 0 as long as the peer does not allow one more stream */
  constructor(readonly session: StreamOwner, public id: number) {
    super();
    this.sendWindow = session.peerWindow;
    this.receiveWindow = session.localWindow;
  }

  // Reading.

  // deno-lint-ignore no-explicit-any
  override on(event: string, listener: (...args: any[]) => void): this {
    super.on(event, listener);
    if (event === "data" && this.flowing === undefined) this.flowing = true;
    return this;
  }

  pause(): this {
    this.flowing = false;
    return this;
  }

  resume(): this {
    this.flowing = true;
    this.advance();
    return this;
  }

  receiveData(chunk: Buffer): void {
    if (this.flowing && this.kept === undefined) {
      this.consume(chunk.length);
      this.emit("data", chunk);
    } else this.keep(chunk);
  }

  receiveTrailers(trailers: Headers, flags: number): void {
    this.trailers = trailers;
    this.trailersFlags = flags;
  }

  /** The peer has ended its side. */
  receiveEnd(): void {
    this.remoteEnded = true;
    this.advance();
  }

  /** Puts small pieces together: many of one byte would take a hundred times as much memory. */
  private keep(chunk: Buffer): void {
    const { kept } = this;
    const last = kept?.at(-1);
    if (kept === undefined || last === undefined) {
      this.kept = [{ bytes: chunk, length: chunk.length }];
    } else if (last.length + chunk.length <= last.bytes.length) {
      last.length += chunk.copy(last.bytes, last.length);
    } else {
      const bytes = Buffer.allocUnsafe(Math.max(chunk.length, this.keptBytes, KEPT_BYTES));
      kept.push({ bytes, length: chunk.copy(bytes) });
    }
    this.keptBytes += chunk.length;
  }

  /** Emits what can be emitted, in the order in which it came. */
  private advance(): void {
    while (this.flowing && this.kept !== undefined) {
      const { bytes, length } = this.kept.shift()!;
      if (this.kept.length === 0) this.kept = undefined;
      this.keptBytes -= length;
      this.consume(length);
      this.emit("data", length === bytes.length ? bytes : bytes.subarray(0, length));
    }
    if (this.kept !== undefined) return;
    if (this.trailers !== undefined) return this.announceTrailers();
    if (
      this.remoteEnded && !this.readableEnded && !this.destroyed && (this.flowing || this.isOver)
    ) {
      this.readableEnded = true;
      this.emit("end");
    }
    if (this.isOver) {
      this.isOver = false;
      this.emit("close");
    }
  }

  /** A tick later: whoever reads may need one to hand on the last data, and drops it once there is a status. */
  private announceTrailers(): void {
    if (this.areTrailersDue) return;
    this.areTrailersDue = true;
    process.nextTick(() => {
      this.areTrailersDue = false;
      // Whoever reads may have stopped in the meantime.
      if (this.kept === undefined) this.emitTrailers();
      this.advance();
    });
  }

  private emitTrailers(): void {
    const { trailers } = this;
    this.trailers = undefined;
    if (trailers !== undefined) this.emit("trailers", trailers, this.trailersFlags);
  }

  /** Gives back what was read to the window, half of it at a time: RFC 9113, section 6.9.1. */
  consume(bytes: number): void {
    if (this.remoteEnded || this.closed) return;
    this.consumedBytes += bytes;
    if (this.consumedBytes < this.session.localWindow >>> 1) return;
    this.receiveWindow += this.consumedBytes;
    this.session.sendWindowUpdate(this.id, this.consumedBytes);
    this.consumedBytes = 0;
  }

  // Writing.

  respond(headers: OutgoingHeaders, options?: { endStream?: boolean; waitForTrailers?: boolean }) {
    if (this.destroyed || this.closed) throw new Error("the stream has been destroyed");
    if (this.headersSent) throw new Error("the stream is answered already");
    this.headersSent = true;
    const isEnd = options?.endStream === true;
    this.waitForTrailers = options?.waitForTrailers === true;
    this.session.sendHeaders(this.id, headers, isEnd);
    if (!isEnd) return;
    this.writableEnded = true;
    this.session.endLocally(this);
  }

  /** @returns false if the chunk waits: then nothing more is to be written before its callback */
  write(chunk: Uint8Array, encoding?: unknown, callback?: WriteCallback): boolean {
    if (typeof encoding === "function") callback = encoding as WriteCallback;
    if (this.closed || this.writableEnded) {
      const error = Object.assign(
        new Error(this.writableEnded ? "write after end" : "the stream is closed"),
        { code: this.writableEnded ? "ERR_STREAM_WRITE_AFTER_END" : "ERR_HTTP2_INVALID_STREAM" },
      );
      if (callback) process.nextTick(callback, error);
      return false;
    }
    const sent = this.writes === undefined ? this.session.sendData(this, chunk, 0) : 0;
    if (sent === chunk.length && this.writes === undefined && this.id !== 0) {
      callback?.();
      return true;
    }
    (this.writes ??= []).push({ chunk, at: sent, callback });
    this.session.wait(this);
    return false;
  }

  end(chunk?: Uint8Array): this {
    if (chunk !== undefined) this.write(chunk);
    if (this.writableEnded) return this;
    this.writableEnded = true;
    if (this.writes === undefined) this.finish();
    return this;
  }

  sendTrailers(headers: OutgoingHeaders): void {
    if (this.closed || this.localEnded) throw new Error("the stream is closed");
    this.session.sendHeaders(this.id, headers, true);
    this.session.endLocally(this);
  }

  get hasWrites(): boolean {
    return this.writes !== undefined;
  }

  /** Sends a frame of what waits; returns whether more could be sent, were there room. */
  sendMore(): boolean {
    const { writes } = this;
    if (writes !== undefined) {
      const first = writes[0]!;
      first.at += this.session.sendData(this, first.chunk, first.at, 1);
      if (first.at < first.chunk.length) return this.sendWindow > 0;
      writes.shift();
      if (writes.length === 0) this.writes = undefined;
      first.callback?.();
    }
    if (this.writes !== undefined) return true;
    if (this.writableEnded) this.finish();
    return false;
  }

  /** All that was written has been sent. */
  private finish(): void {
    if (this.closed || this.localEnded || this.id === 0) return;
    if (this.waitForTrailers) this.emit("wantTrailers");
    else this.session.sendEnd(this);
  }

  // Ending.

  close(code: number = NO_ERROR, callback?: () => void): void {
    if (callback) this.once("close", callback);
    if (this.closed) return;
    this.session.resetStream(this, code);
  }

  destroy(error?: Error): this {
    if (!this.closed) this.session.resetStream(this, error === undefined ? CANCEL : INTERNAL_ERROR);
    this.destroyed = true;
    return this;
  }

  /** It was reset, by whom ever, or its connection has gone: what waits is dropped. */
  abandon(code: number, error?: Error): void {
    this.rstCode = code;
    this.destroyed = true;
    this.dropWrites(error);
    if (error !== undefined && this.listenerCount("error") > 0) this.emit("error", error);
    this.kept = undefined;
    this.emitTrailers();
  }

  /** Nothing more comes, and nothing more is sent; says so once all is read. */
  over(): void {
    this.isOver = true;
    // A server may end its answer, and with it the stream, before the request has left.
    this.dropWrites();
    this.advance();
  }

  private dropWrites(error?: Error): void {
    const { writes } = this;
    this.writes = undefined;
    for (const { callback } of writes ?? []) callback?.(error ?? new Error("the stream is closed"));
  }
}
