/**
 * A connection of HTTP/2, of either side, without I/O: bytes go in, events and bytes to send come out.
 * RFC 9113.
 */
import type { Buffer } from "node:buffer";
import { EventEmitter } from "node:events";
import { type Message, readRequest, readResponse, readTrailers } from "./fields.ts";
import * as h2 from "./frames.ts";
import { ConnectionError, FrameReader, FrameWriter, type OnFrame, StreamError } from "./frames.ts";
import { type HeaderBlock, HeaderBlocks } from "./header_blocks.ts";
import { DataSender, ReceiveWindow } from "./flow_control.ts";
import { HpackEncoder, type OutgoingHeaders } from "./hpack_encoder.ts";
import * as limits from "./limits.ts";
import { type PingCallback, Pings } from "./pings.ts";
import { readSettings, writeSettings } from "./settings.ts";
import { Stream, type StreamOwner } from "./stream.ts";
import { RecentStreams, StreamTable } from "./stream_table.ts";

/** What a connection is told of at the start; names and meaning are those of node:http2. */
export interface ConnectionOptions {
  readonly settings?: {
    /** How many streams the peer may have open at once; unlimited if absent. */
    readonly maxConcurrentStreams?: number;
    /** How many bytes the headers of a message may have, 64 KiB if absent. */
    readonly maxHeaderListSize?: number;
    /** The window of each stream in bytes, 65,535 if absent. */
    readonly initialWindowSize?: number;
  };
  /** How many fields a message may have, 128 if absent. */
  readonly maxHeaderListPairs?: number;
  /**
   * The shortest time between two PINGs of a client that gets nothing else in between, in
   * milliseconds; with a third one too early the connection ends (`too_many_pings`). Absent: any.
   */
  readonly minPingIntervalMs?: number;
  /** The time in milliseconds; by default that of `performance`. */
  readonly now?: () => number;
}

/** Why a stream is reset: RFC 7540, section 5.3.1. */
const SELF_DEPENDENT = "a stream that depends on itself";

/** A stream that waits for the peer to allow one more. */
interface Unopened {
  readonly stream: Stream;
  readonly headers: OutgoingHeaders;
  readonly endStream: boolean;
}

/**
 * A connection. It emits, by the names of node:http2: `remoteSettings`, `localSettings`, `goaway`.
 * Streams that the peer opens go to `onStream`. {@linkcode Session} adds the socket.
 */
export abstract class Connection extends EventEmitter implements StreamOwner {
  /** No stream begins any more. */
  closed = false;
  destroyed = false;
  /** The windows of new streams. */
  peerWindow: number = limits.DEFAULT_WINDOW;
  readonly localWindow: number;

  protected readonly writer: FrameWriter;
  protected readonly reader: FrameReader;
  protected readonly streams = new StreamTable();
  protected readonly data: DataSender;
  protected isAcknowledged = false;
  private readonly recent = new RecentStreams();
  private readonly blocks: HeaderBlocks;
  private readonly encoder = new HpackEncoder();
  private readonly pings: Pings;
  private readonly allowance: limits.Allowance;
  private readonly maxStreams: number;
  private readonly closing: Stream[] = [];
  private readonly unopened: Unopened[] = [];
  private hasSettings = false;
  private readonly window = new ReceiveWindow();
  private peerMaxStreams = Infinity;
  private lastPeerId = 0;
  private nextId = 1;
  private peerStreams = 0;
  private ownStreams = 0;
  /** A GOAWAY has gone that names the last stream, or one has come. */
  private isLeaving = false;
  /** How many acknowledgements of frames that we have not made ourselves are passed over. */
  private strayAnswers = 0;

  constructor(
    readonly isServer: boolean,
    options: ConnectionOptions,
    private readonly onStream: (stream: Stream, headers: Message["headers"], flags: number) => void,
  ) {
    super();
    const { settings = {}, maxHeaderListPairs, now = () => performance.now() } = options;
    const { maxHeaderListSize = limits.DEFAULT_HEADER_LIST_BYTES } = settings;
    this.allowance = new limits.Allowance(now);
    this.maxStreams = settings.maxConcurrentStreams ?? Infinity;
    this.localWindow = settings.initialWindowSize ?? limits.DEFAULT_WINDOW;
    const maxFields = maxHeaderListPairs ?? limits.DEFAULT_HEADER_FIELDS;
    this.blocks = new HeaderBlocks(maxHeaderListSize, maxFields);
    this.writer = new FrameWriter(() => this.outputWaits());
    this.data = new DataSender(this.writer);
    this.pings = new Pings(this.writer, now, options.minPingIntervalMs);
    this.reader = new FrameReader(this.onFrame, isServer ? h2.PREFACE.length : 0);
    if (!isServer) this.writer.raw(h2.PREFACE);
    const own = isServer ? {} : { enablePush: 0 };
    writeSettings(this.writer, { ...settings, ...own, maxHeaderListSize });
  }

  /** Called when there are bytes to send again: `writer` has them. */
  protected abstract outputWaits(): void;

  /** Called when the peer has broken the protocol, and GOAWAY is about to be sent. */
  protected abstract failed(error: ConnectionError): void;

  /** Takes in what the peer has sent. */
  receive(bytes: Buffer): void {
    this.whileReading(() => this.reader.receive(bytes));
  }

  protected whileReading(read: () => void): void {
    try {
      read();
    } catch (error) {
      if (!(error instanceof ConnectionError)) throw error;
      if (!this.isServer && error.errorCode === h2.ENHANCE_YOUR_CALM) this.refuseAnswer(error);
      this.failed(error);
    }
  }

  /** An answer whose headers have no end would be the same on another connection; other streams would not. */
  private refuseAnswer({ errorCode, reason }: ConnectionError): void {
    const stream = this.streams.get(this.blocks.current?.id ?? 0);
    if (stream !== undefined) this.abandon(stream, errorCode, new StreamError(errorCode, reason));
  }

  /** As node:http2 has it; grpc-js shows it in channelz. */
  get state(): Readonly<Record<string, number>> {
    return {
      effectiveLocalWindowSize: this.window.size,
      localWindowSize: this.window.left,
      remoteWindowSize: this.data.window,
      nextStreamID: this.nextId,
      lastProcStreamID: this.lastPeerId,
    };
  }

  // What the owner of a connection does.

  /** Opens a stream. */
  request(headers: OutgoingHeaders, options?: { endStream?: boolean }): Stream {
    if (this.closed || this.destroyed) throw new Error("the connection takes no new streams");
    const stream = new Stream(this, 0);
    stream.headersSent = true;
    const one = { stream, headers, endStream: options?.endStream === true };
    if (this.ownStreams < this.peerMaxStreams) this.open(one);
    else this.unopened.push(one);
    return stream;
  }

  /** Makes the window of the connection larger. */
  setLocalWindowSize(size: number): void {
    const more = size - this.window.size;
    if (more > 0) this.sendWindowUpdate(0, this.window.grow(more));
  }

  /** @returns false if it was not sent: too many wait for their answers, or the connection has gone */
  ping(payload: Uint8Array | PingCallback, callback: PingCallback = () => {}): boolean {
    if (this.destroyed) return false;
    return typeof payload === "function"
      ? this.pings.send(crypto.getRandomValues(new Uint8Array(8)), payload)
      : this.pings.send(payload, callback);
  }

  /** @param lastId the last stream that is served; 2^31-1 has the peer go, and serves what it begins */
  goaway(code: number = h2.NO_ERROR, lastId = this.lastPeerId, data?: Uint8Array): void {
    if (this.destroyed) return;
    this.writer.head(h2.GOAWAY, 0, 0, 8 + (data?.length ?? 0));
    this.writer.u32(lastId);
    this.writer.u32(code);
    if (data !== undefined) this.writer.payload(data);
  }

  /** Has no stream begin any more: RFC 9113, section 6.8. Those that are open go on. */
  close(callback?: () => void): void {
    if (callback) this.once("close", callback);
    if (this.closed || this.destroyed) return;
    this.closed = this.isLeaving = true;
    this.goaway();
  }

  /** Whether nothing goes on any more on a connection that was closed. */
  protected get isDone(): boolean {
    return this.closed && this.streams.size === 0 && this.unopened.length === 0;
  }

  /** The transport has gone, or is given up. */
  protected abandonAll(error: Error | undefined): void {
    for (const { stream } of this.unopened.splice(0)) this.abandon(stream, h2.CANCEL, error);
    for (const stream of this.streams.all()) {
      // An answer that is whole is an answer.
      if (!this.isServer && stream.remoteEnded) this.forget(stream);
      else this.abandon(stream, h2.CANCEL, error);
    }
    this.pings.fail(error ?? new Error("the connection is closed"));
  }

  /** Tells the owners of streams that have closed; it is done once their last frames are on their way. */
  protected closeStreams(): void {
    if (this.closing.length === 0) return;
    for (const stream of this.closing.splice(0)) stream.over();
  }

  // What streams do.

  sendHeaders(id: number, headers: OutgoingHeaders, endStream: boolean): void {
    const { writer } = this;
    const block = this.encoder.encode(headers);
    let type = h2.HEADERS, flags = endStream ? h2.END_STREAM : 0, at = 0;
    do {
      const length = Math.min(limits.MAX_FRAME_BYTES, block.length - at);
      if (at + length === block.length) flags |= h2.END_HEADERS;
      writer.head(type, flags, id, length);
      writer.payload(block, at, length);
      type = h2.CONTINUATION;
      flags = 0;
      at += length;
    } while (at < block.length);
    this.pings.forgive();
  }

  sendData(stream: Stream, chunk: Uint8Array, from: number, maxFrames?: number): number {
    const sent = this.data.send(stream, chunk, from, maxFrames);
    if (sent > 0) this.pings.forgive();
    return sent;
  }

  sendEnd(stream: Stream): void {
    this.writer.head(h2.DATA, h2.END_STREAM, stream.id, 0);
    this.endLocally(stream);
  }

  sendWindowUpdate(id: number, bytes: number): void {
    this.writer.head(h2.WINDOW_UPDATE, 0, id, 4);
    this.writer.u32(bytes);
  }

  /** Our side of a stream has sent its last frame. */
  endLocally(stream: Stream): void {
    stream.localEnded = true;
    if (stream.remoteEnded) {
      this.allowance.earn();
      this.forget(stream);
    } else if (this.isServer && !stream.keepsReading) {
      // The answer is whole, and nobody waits for the rest of the request: RFC 9113, section 8.1.
      this.sendReset(stream.id, h2.NO_ERROR);
      this.forget(stream);
    }
  }

  resetStream(stream: Stream, code: number): void {
    if (stream.id !== 0) this.sendReset(stream.id, code);
    this.abandon(stream, code);
  }

  /**
   * Leaves the answer to somebody who sends bytes of any kind: no frame of the stream is sent from here,
   * and what the peer acknowledges of those bytes is passed over.
   *
   * @returns what closes the stream
   */
  handOver(stream: Stream): () => void {
    stream.destroyed = true;
    this.strayAnswers = limits.MAX_STRAY_ANSWERS;
    return () => this.forget(stream);
  }

  wait(stream: Stream): void {
    this.data.wait(stream);
  }

  private sendReset(id: number, code: number): void {
    this.writer.head(h2.RST_STREAM, 0, id, 4);
    this.writer.u32(code);
  }

  // The lives of streams.

  private open({ stream, headers, endStream }: Unopened): void {
    stream.id = this.nextId;
    this.nextId += 2;
    this.ownStreams++;
    stream.sendWindow = this.peerWindow;
    this.streams.add(stream);
    this.sendHeaders(stream.id, headers, endStream);
    if (!endStream) return;
    stream.writableEnded = true;
    this.endLocally(stream);
  }

  private openMore(): void {
    while (this.unopened.length > 0 && this.ownStreams < this.peerMaxStreams) {
      const one = this.unopened.shift()!;
      if (one.stream.closed) continue;
      this.open(one);
      // Its owner may have written to it meanwhile.
      this.data.wait(one.stream);
    }
    this.data.sendWaiting();
  }

  /** A stream is closed: RFC 9113, section 5.1. */
  private forget(stream: Stream): void {
    if (stream.closed) return;
    stream.closed = true;
    const { id } = stream;
    if (id !== 0) {
      this.streams.delete(stream);
      this.recent.add(id, stream.remoteEnded);
      if (this.isOwn(id)) {
        this.ownStreams--;
        if (this.unopened.length > 0) queueMicrotask(() => this.openMore());
      } else this.peerStreams--;
    }
    this.closing.push(stream);
    this.outputWaits();
  }

  private abandon(stream: Stream, code: number, error?: Error): void {
    if (stream.closed) return;
    this.forget(stream);
    stream.abandon(code, error);
  }

  /** An error of a stream: RFC 9113, section 5.4.2. */
  private failStream(id: number, code: number, reason: string): void {
    this.useAllowance();
    this.sendReset(id, code);
    const stream = this.streams.get(id);
    if (stream === undefined) this.recent.add(id, false);
    else this.abandon(stream, code, new StreamError(code, reason));
  }

  private failTooLarge(id: number): void {
    const { maxListBytes, maxFields } = this.blocks;
    const limits = `${maxListBytes / 1024} KiB or ${maxFields} fields`;
    this.failStream(id, h2.ENHANCE_YOUR_CALM, `headers of more than ${limits}`);
  }

  private isOwn(id: number): boolean {
    return (id & 1) === (this.isServer ? 0 : 1);
  }

  private isIdle(id: number): boolean {
    return this.isOwn(id) ? id >= this.nextId || this.isServer : id > this.lastPeerId;
  }

  /** Whether frames of a stream are passed over: it came after our GOAWAY. */
  private isIgnored(id: number): boolean {
    return this.isServer && this.isLeaving && !this.isOwn(id) && id > this.lastPeerId;
  }

  private useAllowance(): void {
    if (!this.allowance.use()) fail(h2.ENHANCE_YOUR_CALM, "too many frames that lead to nothing");
  }

  private isStray(): boolean {
    return this.strayAnswers > 0 && this.strayAnswers-- > 0;
  }

  // What the peer sends.

  private readonly onFrame: OnFrame = (type, flags, id, bytes, from, to) => {
    const { current } = this.blocks;
    if (current !== undefined) {
      if (type !== h2.CONTINUATION || id !== current.id) {
        fail(h2.PROTOCOL_ERROR, "a block of headers is interrupted");
      }
    } else if (!this.hasSettings && type !== h2.SETTINGS) {
      fail(h2.PROTOCOL_ERROR, "the first frame is not SETTINGS");
    }
    switch (type) {
      case h2.DATA:
        return this.onData(flags, id, bytes, from, to);
      case h2.HEADERS:
        return this.onBlock(this.blocks.begin(flags, id, bytes, from, to));
      case h2.PRIORITY:
        return this.onPriority(id, bytes, from, to);
      case h2.RST_STREAM:
        return this.onReset(id, bytes, from, to);
      case h2.SETTINGS:
        return this.onSettings(flags, id, bytes, from, to);
      case h2.PUSH_PROMISE:
        return fail(h2.PROTOCOL_ERROR, "PUSH_PROMISE is not allowed here");
      case h2.PING:
        return this.onPing(flags, id, bytes, from, to);
      case h2.GOAWAY:
        return this.onGoaway(id, bytes, from, to);
      case h2.WINDOW_UPDATE:
        return this.onWindowUpdate(id, bytes, from, to);
      case h2.CONTINUATION:
        return this.onBlock(this.blocks.continue(flags, bytes, from, to));
      default:
        return this.useAllowance();
    }
  };

  /** RFC 9113, section 6.1. */
  private onData(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (id === 0) fail(h2.PROTOCOL_ERROR, "DATA of no stream");
    const size = to - from;
    const returned = this.window.use(size);
    if (returned > 0) this.sendWindowUpdate(0, returned);
    if (flags & h2.PADDED) {
      const padding = bytes[from++]!;
      if (size === 0 || padding >= size) fail(h2.PROTOCOL_ERROR, "DATA with too much padding");
      to -= padding;
    }
    const stream = this.streams.get(id);
    if (stream === undefined) return this.onLateData(flags, id, to - from);
    if (stream.remoteEnded) return this.failStream(id, h2.STREAM_CLOSED, "DATA after the end");
    if (!this.isServer && !stream.hasResponse) {
      return this.failStream(id, h2.PROTOCOL_ERROR, "DATA before headers");
    }
    stream.receiveWindow -= size;
    if (stream.receiveWindow < 0) {
      return this.failStream(id, h2.FLOW_CONTROL_ERROR, "more DATA than allowed");
    }
    const length = to - from;
    if (length < size) stream.consume(size - length);
    const isEnd = (flags & h2.END_STREAM) !== 0;
    if (stream.contentLeft >= 0) {
      stream.contentLeft -= length;
      if (stream.contentLeft < 0 || isEnd && stream.contentLeft > 0) {
        return this.failStream(id, h2.PROTOCOL_ERROR, "a content-length that is not that of DATA");
      }
    }
    if (length > 0) stream.receiveData(bytes.subarray(from, to));
    else if (!isEnd) this.useAllowance();
    if (isEnd && !stream.closed) this.endRemotely(stream);
  }

  private onLateData(flags: number, id: number, size: number): void {
    if (this.isIgnored(id)) return;
    if (this.isIdle(id)) fail(h2.PROTOCOL_ERROR, "DATA of an idle stream");
    if (this.recent.hasEnded(id) !== false) {
      return this.failStream(id, h2.STREAM_CLOSED, "DATA after the end");
    }
    // The peer need not know yet that we have reset the stream, or answered before its request was whole.
    if (flags & h2.END_STREAM) this.recent.add(id, true);
    else if (size === 0) this.useAllowance();
  }

  private endRemotely(stream: Stream): void {
    stream.receiveEnd();
    if (stream.localEnded && !stream.closed) {
      this.allowance.earn();
      this.forget(stream);
    }
  }

  /** @param block one that is whole */
  private onBlock(block: HeaderBlock | undefined): void {
    if (block === undefined) return;
    const { flags, id, isSelfDependent } = block;
    const isEnd = (flags & h2.END_STREAM) !== 0;
    const stream = this.streams.get(id);
    if (stream !== undefined) return this.onFurtherBlock(stream, flags, isEnd);
    if (this.isIgnored(id)) return;
    if (!this.isServer) {
      if (this.isIdle(id)) fail(h2.PROTOCOL_ERROR, "HEADERS of an idle stream");
      return;
    }
    if (this.isOwn(id)) fail(h2.PROTOCOL_ERROR, "HEADERS of an even stream");
    if (id <= this.lastPeerId) return this.onLateHeaders(id, isEnd);
    this.lastPeerId = id;
    if (isSelfDependent) return this.failStream(id, h2.PROTOCOL_ERROR, SELF_DEPENDENT);
    if (this.peerStreams >= this.maxStreams) {
      return this.failStream(id, h2.REFUSED_STREAM, "more streams than allowed");
    }
    if (this.blocks.isTooLarge) return this.failTooLarge(id);
    const message = readRequest(this.blocks.fields);
    if (message === undefined || isEnd && message.contentLength > 0) {
      return this.failStream(id, h2.PROTOCOL_ERROR, "malformed headers");
    }
    this.accept(new Stream(this, id), message, flags, isEnd);
  }

  private accept(stream: Stream, message: Message, flags: number, isEnd: boolean): void {
    stream.contentLeft = message.contentLength;
    stream.remoteEnded = isEnd;
    this.streams.add(stream);
    this.peerStreams++;
    this.onStream(stream, message.headers, flags);
    if (isEnd) stream.receiveEnd();
  }

  private onLateHeaders(id: number, isEnd: boolean): void {
    const hasEnded = this.recent.hasEnded(id);
    if (hasEnded !== false) {
      const code = hasEnded ? h2.STREAM_CLOSED : h2.PROTOCOL_ERROR;
      fail(code, "HEADERS of a closed stream");
    }
    // Trailers: see onLateData.
    if (isEnd) this.recent.add(id, true);
    else this.useAllowance();
  }

  /** Trailers; or, from a server, a response, informational ones too. */
  private onFurtherBlock(stream: Stream, flags: number, isEnd: boolean): void {
    const { id } = stream;
    const { fields, isTooLarge } = this.blocks;
    if (stream.remoteEnded) return this.failStream(id, h2.STREAM_CLOSED, "HEADERS after the end");
    if (isTooLarge) return this.failTooLarge(id);
    const isResponse = !this.isServer && !stream.hasResponse;
    const message = isResponse ? readResponse(fields) : readTrailers(fields);
    if (message === undefined || !isResponse && (!isEnd || stream.contentLeft > 0)) {
      const reason = isResponse ? "malformed headers" : "malformed or early trailers";
      return this.failStream(id, h2.PROTOCOL_ERROR, reason);
    }
    if (isResponse) {
      const status = Number(message.headers[":status"]);
      // An informational response is not the last: RFC 9110, section 15.2.
      if (status < 200 && !isEnd) return this.useAllowance();
      if (status < 200 || isEnd && message.contentLength > 0 && status !== 304) {
        return this.failStream(id, h2.PROTOCOL_ERROR, "headers that may not be the end");
      }
      stream.hasResponse = true;
      stream.contentLeft = message.contentLength;
      stream.emit("response", message.headers, flags);
    } else stream.receiveTrailers(message.headers, flags);
    if (isEnd && !stream.closed) this.endRemotely(stream);
  }

  /** RFC 9113, section 6.3. Priorities are not followed. */
  private onPriority(id: number, bytes: Buffer, from: number, to: number): void {
    if (id === 0) fail(h2.PROTOCOL_ERROR, "PRIORITY of no stream");
    this.useAllowance();
    if (to - from !== 5) return this.failStream(id, h2.FRAME_SIZE_ERROR, "PRIORITY");
    const isSelfDependent = (bytes.readUInt32BE(from) & 0x7fffffff) === id;
    if (isSelfDependent) this.failStream(id, h2.PROTOCOL_ERROR, SELF_DEPENDENT);
  }

  /** RFC 9113, section 6.4. */
  private onReset(id: number, bytes: Buffer, from: number, to: number): void {
    if (to - from !== 4) fail(h2.FRAME_SIZE_ERROR, "RST_STREAM");
    if (this.isIgnored(id)) return;
    if (id === 0 || this.isIdle(id)) fail(h2.PROTOCOL_ERROR, "RST_STREAM of an idle stream");
    if (this.isServer) this.useAllowance();
    const stream = this.streams.get(id);
    if (stream !== undefined) this.onResetOf(stream, bytes.readUInt32BE(from));
    // Whoever resets a stream knows that nothing may follow.
    this.recent.add(id, true);
  }

  private onResetOf(stream: Stream, code: number): void {
    const isOrderly = code === h2.NO_ERROR || code === h2.CANCEL;
    // A server whose answer is whole may say so: RFC 9113, section 8.1.
    if (!this.isServer && stream.remoteEnded && code === h2.NO_ERROR) this.forget(stream);
    else this.abandon(stream, code, isOrderly ? undefined : streamError(code));
  }

  /** RFC 9113, section 6.5. */
  private onSettings(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    const size = to - from;
    if (id !== 0) fail(h2.PROTOCOL_ERROR, "SETTINGS of a stream");
    if (flags & h2.ACK) return this.onSettingsAck(size);
    const settings = readSettings(bytes, from, to, !this.isServer);
    if (this.hasSettings) this.useAllowance();
    this.hasSettings = true;
    for (const [name, value] of settings) {
      if (name === "headerTableSize") this.encoder.resize(value);
      if (name === "maxConcurrentStreams") this.peerMaxStreams = value;
      if (name === "initialWindowSize") this.changeWindows(value);
      // Frames stay as small as they are: a larger one would only hold up other streams.
    }
    this.writer.head(h2.SETTINGS, h2.ACK, 0, 0);
    this.openMore();
    this.emit("remoteSettings", Object.fromEntries(settings));
  }

  private onSettingsAck(size: number): void {
    if (size > 0) fail(h2.FRAME_SIZE_ERROR, "an acknowledgement of SETTINGS that has some");
    if (this.isAcknowledged && this.isStray()) return;
    if (!this.hasSettings || this.isAcknowledged) {
      fail(h2.PROTOCOL_ERROR, "an acknowledgement of SETTINGS that was not asked for");
    }
    this.isAcknowledged = true;
    this.emit("localSettings", {});
  }

  /** RFC 9113, section 6.9.2. */
  private changeWindows(window: number): void {
    const more = window - this.peerWindow;
    this.peerWindow = window;
    for (const stream of this.streams.all()) {
      stream.sendWindow += more;
      if (stream.sendWindow > limits.MAX_WINDOW) {
        fail(h2.FLOW_CONTROL_ERROR, "INITIAL_WINDOW_SIZE");
      }
      if (stream.hasWrites) this.wait(stream);
    }
  }

  /** RFC 9113, section 6.7. */
  private onPing(flags: number, id: number, bytes: Buffer, from: number, to: number): void {
    if (id !== 0) fail(h2.PROTOCOL_ERROR, "PING of a stream");
    if (to - from !== 8) fail(h2.FRAME_SIZE_ERROR, "PING");
    const payload = bytes.subarray(from, to);
    // An answer to nothing leads to nothing.
    if (flags & h2.ACK) {
      if (!this.pings.answered(payload) && !this.isStray()) this.useAllowance();
      return;
    }
    this.useAllowance();
    this.pings.answer(payload);
  }

  /** RFC 9113, section 6.8. */
  private onGoaway(id: number, bytes: Buffer, from: number, to: number): void {
    if (id !== 0) fail(h2.PROTOCOL_ERROR, "GOAWAY of a stream");
    if (to - from < 8) fail(h2.FRAME_SIZE_ERROR, "GOAWAY");
    const lastId = bytes.readUInt32BE(from) & 0x7fffffff;
    const code = bytes.readUInt32BE(from + 4);
    this.isLeaving = true;
    this.emit("goaway", code, lastId, to - from > 8 ? bytes.subarray(from + 8, to) : undefined);
    if (!this.isServer) this.giveUpBeyond(lastId);
    if (code === h2.NO_ERROR) this.close();
    else this.leave(code);
  }

  /** The peer goes away for an error: streams of its own that it has not named may still end. */
  protected abstract leave(code: number): void;

  /** The peer has not looked at later streams: RFC 9113, section 6.8. */
  private giveUpBeyond(lastId: number): void {
    const code = h2.REFUSED_STREAM;
    for (const { stream } of this.unopened.splice(0)) this.abandon(stream, code, streamError(code));
    for (const stream of this.streams.all()) {
      if (stream.id > lastId) this.abandon(stream, code, streamError(code));
    }
  }

  /** RFC 9113, section 6.9. */
  private onWindowUpdate(id: number, bytes: Buffer, from: number, to: number): void {
    if (to - from !== 4) fail(h2.FRAME_SIZE_ERROR, "WINDOW_UPDATE");
    const more = bytes.readUInt32BE(from) & 0x7fffffff;
    if (id === 0) {
      if (more === 0) fail(h2.PROTOCOL_ERROR, "WINDOW_UPDATE of 0");
      return this.data.grow(more);
    }
    if (this.isIgnored(id)) return;
    if (this.isIdle(id)) fail(h2.PROTOCOL_ERROR, "WINDOW_UPDATE of an idle stream");
    const stream = this.streams.get(id);
    if (stream === undefined) return;
    if (more === 0) return this.failStream(id, h2.PROTOCOL_ERROR, "WINDOW_UPDATE of 0");
    stream.sendWindow += more;
    if (stream.sendWindow > limits.MAX_WINDOW) {
      return this.failStream(id, h2.FLOW_CONTROL_ERROR, "a window too large");
    }
    if (stream.hasWrites) {
      this.wait(stream);
      this.data.sendWaiting();
    }
  }
}

function fail(code: number, message: string): never {
  throw new ConnectionError(code, message);
}

/** As node:http2 has it: grpc-js tells by the code that the peer, or the protocol, reset the stream. */
function streamError(code: number): Error {
  return Object.assign(new Error(`the stream was reset with error code ${code}`), {
    code: "ERR_HTTP2_STREAM_ERROR",
  });
}
