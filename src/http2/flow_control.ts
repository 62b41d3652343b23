/** How much DATA may be sent and received. RFC 9113, sections 5.2 and 6.9. */
import { ConnectionError, DATA, FLOW_CONTROL_ERROR, type FrameWriter } from "./frames.ts";
import { DEFAULT_WINDOW, HIGH_WATER_BYTES, MAX_FRAME_BYTES, MAX_WINDOW } from "./limits.ts";
import type { Stream } from "./stream.ts";

/**
 * The window of a connection for what is received. It is given back at once: what is kept is bounded by
 * the windows of the streams, so that a slow one does not hold up the others.
 */
export class ReceiveWindow {
  left: number = DEFAULT_WINDOW;
  size: number = DEFAULT_WINDOW;

  /**
   * Takes from the window.
   *
   * @returns how much the peer is to be given by WINDOW_UPDATE, 0 for not yet
   * @throws {ConnectionError} if the peer has sent more than it may
   */
  use(bytes: number): number {
    this.left -= bytes;
    if (this.left < 0) throw new ConnectionError(FLOW_CONTROL_ERROR, "more DATA than allowed");
    return this.left < this.size >>> 1 ? this.enlarge(this.size - this.left) : 0;
  }

  /** Makes it so much larger, for good. */
  grow(bytes: number): number {
    this.size += bytes;
    return this.enlarge(bytes);
  }

  private enlarge(bytes: number): number {
    this.left += bytes;
    return bytes;
  }
}

/** Sends DATA as far as the windows and the peer allow; the streams that wait take turns. */
export class DataSender {
  /** The window of the connection. */
  window: number = DEFAULT_WINDOW;
  /** Whether the peer reads so slowly that no DATA is to be made. */
  isBlocked = false;
  private readonly waiting: Stream[] = [];

  constructor(private readonly writer: FrameWriter) {}

  private get hasRoom(): boolean {
    return !this.isBlocked && this.writer.size <= HIGH_WATER_BYTES;
  }

  /** Sends a part of a chunk, from `from` on, in so many frames at most; returns how much. */
  send(stream: Stream, chunk: Uint8Array, from: number, maxFrames = Infinity): number {
    if (stream.id === 0) return 0;
    let at = from;
    for (; at < chunk.length && maxFrames > 0; maxFrames--) {
      const window = Math.min(stream.sendWindow, this.window, MAX_FRAME_BYTES);
      if (window <= 0 || !this.hasRoom) break;
      const length = Math.min(window, chunk.length - at);
      this.writer.head(DATA, 0, stream.id, length);
      this.writer.payload(chunk, at, length);
      stream.sendWindow -= length;
      this.window -= length;
      at += length;
    }
    return at - from;
  }

  /** Has a stream take its turn, if its window lets it send. */
  wait(stream: Stream): void {
    if (stream.isWaiting || stream.id === 0) return;
    // An end without data needs no window.
    if (stream.hasWrites && stream.sendWindow <= 0) return;
    stream.isWaiting = true;
    this.waiting.push(stream);
  }

  /** Has the streams that wait send a frame each in turn, as long as there is room. */
  sendWaiting(): void {
    while (this.waiting.length > 0 && this.window > 0 && this.hasRoom) {
      const stream = this.waiting.shift()!;
      stream.isWaiting = false;
      if (!stream.closed && stream.sendMore()) this.wait(stream);
    }
  }

  /** The peer gives more to the connection: RFC 9113, section 6.9.1. */
  grow(bytes: number): void {
    this.window += bytes;
    if (this.window > MAX_WINDOW) {
      throw new ConnectionError(FLOW_CONTROL_ERROR, "a window too large");
    }
    this.sendWaiting();
  }
}
