/** A connection of HTTP/2 over a socket, in the shape in which node:http2 offers it. */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import process from "node:process";
import { Connection, type ConnectionOptions } from "./connection.ts";
import type { Headers } from "./fields.ts";
import { type ConnectionError, INTERNAL_ERROR, NO_ERROR, SETTINGS_TIMEOUT } from "./frames.ts";
import type { OutgoingHeaders } from "./hpack_encoder.ts";
import {
  HIGH_WATER_BYTES,
  LINGER_MS,
  MAX_UNSENT_BYTES,
  SETTINGS_ACK_MS,
  STALLED_MS,
} from "./limits.ts";
import type { Stream } from "./stream.ts";

/** Sees what goes over a connection, before anything is done with it. It may not throw. */
export interface Observer {
  /** Bytes that are sent, in their order. The memory is used again afterwards. */
  sent(bytes: Buffer): void;
  /** Bytes that have come, also those that a session which has ended does not read. */
  received(bytes: Buffer): void;
  /** The peer has closed its side, or the connection broke, and we had not ended it before. */
  ended(error?: Error): void;
}

/** What a session is told of at the start. */
export interface SessionOptions extends ConnectionOptions {
  /** Makes what sees each byte of the connection; absent: nobody does, and it costs nothing. */
  readonly observe?: (socket: Socket) => Observer;
}

/** The sessions that have something to send. */
const dirty: Session[] = [];

/** Sends what has come together in this turn of the event loop, with one write for each session. */
function flushAll(): void {
  // What a flush causes is sent in its turn.
  for (const session of dirty.splice(0)) {
    try {
      session.flush();
    } catch (error) {
      // A listener's fault is reported, and the other sessions are served.
      queueMicrotask(() => {
        throw error;
      });
    }
  }
}

/**
 * A session. It emits what {@linkcode Connection} does, and `error`, if anybody listens, and `close`.
 *
 * What has a name of node:http2 does what it does there.
 */
export class Session extends Connection {
  readonly encrypted: boolean;
  private isDirty = false;
  /** Resolves when bytes that are sent in parts are sent: nothing may come between them. */
  private held: Promise<void> | undefined;
  private isEnding = false;
  private isGone = false;
  private error: Error | undefined;
  /** Ends a session whose peer does not read, or does not acknowledge our settings. */
  private stalled: ReturnType<typeof setTimeout> | undefined;
  private readonly observer: Observer | undefined;
  private readonly settled: ReturnType<typeof setTimeout>;

  /** @param onStream takes the streams that the peer opens */
  constructor(
    isServer: boolean,
    readonly socket: Socket,
    options: SessionOptions,
    onStream: (stream: Stream, headers: Headers, flags: number) => void = () => {},
  ) {
    super(isServer, options, onStream);
    this.encrypted = "encrypted" in socket && socket.encrypted === true;
    this.observer = options.observe?.(socket);
    const listeners = {
      data: (chunk: Buffer) => {
        this.observer?.received(chunk);
        this.receive(chunk);
      },
      drain: () => this.drained(),
      error: (error: Error) => {
        this.error ??= error;
        this.observeEnd(error);
      },
      end: () => {
        this.observeEnd();
        // A peer that has closed its side takes no answers: so do the other servers of HTTP/2.
        socket.end();
      },
      close: () => {
        // Deno's node:net keeps something of each socket for ever, with all that its listeners hold.
        for (const [name, listener] of Object.entries(listeners)) socket.off(name, listener);
        socket.on("error", ignore);
        this.gone();
      },
    };
    for (const [name, listener] of Object.entries(listeners)) socket.on(name, listener);
    // Whoever waits for a client's session hears of what follows the settings when it has taken it over.
    if (!isServer) this.once("remoteSettings", () => this.holdRest());
    this.settled = setTimeout(() => {
      if (!this.isAcknowledged) this.destroy(undefined, SETTINGS_TIMEOUT);
    }, SETTINGS_ACK_MS);
  }

  ref(): void {
    this.socket.ref();
  }

  unref(): void {
    this.socket.unref();
  }

  /** Opens a stream; `:scheme` is what the connection is. */
  override request(headers: OutgoingHeaders, options?: { endStream?: boolean }): Stream {
    headers[":scheme"] ??= this.encrypted ? "https" : "http";
    return super.request(headers, options);
  }

  override goaway(code?: number, lastId?: number, data?: Uint8Array): void {
    super.goaway(code, lastId, data);
    // At once: in a drain thousands of sessions would each take memory for it until the end of the turn.
    this.flush();
  }

  override close(callback?: () => void): void {
    super.close(callback);
    this.outputWaits();
  }

  /** Ends the session and all its streams, after a GOAWAY. */
  destroy(error?: Error | number, code?: number): void {
    if (this.destroyed) return;
    if (typeof error === "object") this.error ??= error;
    const reason = typeof error === "number" ? error : code ?? (error ? INTERNAL_ERROR : NO_ERROR);
    this.goaway(reason, undefined, error instanceof Error ? Buffer.from(error.message) : undefined);
    this.destroyed = this.closed = true;
    this.reader.stop();
    this.abandonAll(this.error);
    this.end();
    process.nextTick(() => this.gone());
  }

  /**
   * Sends bytes of any kind, behind all that was to be sent before.
   *
   * @param dataBytes how many of them are the payloads of DATA, which use the window of the connection
   */
  sendRaw(bytes: Buffer, dataBytes: number): void {
    this.data.window -= dataBytes;
    this.writer.raw(bytes);
    if (this.held === undefined) this.write(this.writer.take());
  }

  /** The same a few bytes at a time, each packet in a turn of its own; whatever else is to be sent waits. */
  async sendRawInParts(bytes: Buffer, dataBytes: number, size: number): Promise<void> {
    while (this.held !== undefined) await this.held;
    this.flush();
    this.data.window -= dataBytes;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.held = promise;
    for (let at = 0; at < bytes.length; at += size) {
      this.write([bytes.subarray(at, at + size)]);
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
    this.held = undefined;
    resolve();
    this.outputWaits();
  }

  private holdRest(): void {
    this.reader.hold();
    setImmediate(() => this.whileReading(() => this.reader.release()));
  }

  protected override failed(error: ConnectionError): void {
    this.destroy(error, error.errorCode);
  }

  protected override leave(): void {
    this.destroy(undefined, NO_ERROR);
  }

  protected override outputWaits(): void {
    if (this.isDirty) return;
    this.isDirty = true;
    if (dirty.push(this) === 1) queueMicrotask(flushAll);
  }

  /** Sends what waits. */
  flush(): void {
    this.isDirty = false;
    if (this.held !== undefined) return;
    this.write(this.writer.take());
    this.data.sendWaiting();
    this.closeStreams();
    if (this.isDone && !this.isDirty) this.end();
  }

  private write(parts: Buffer[]): void {
    const { socket } = this;
    if (parts.length === 0 || !socket.writable) return;
    if (this.observer !== undefined) { for (const part of parts) this.observer.sent(part); }
    if (parts.length === 1) socket.write(parts[0]!);
    else {
      socket.cork();
      for (const part of parts) socket.write(part);
      socket.uncork();
    }
    const { writableLength } = socket;
    if (writableLength <= HIGH_WATER_BYTES) return;
    this.data.isBlocked = true;
    this.stalled ??= setTimeout(() => socket.destroy(), STALLED_MS);
    if (writableLength > MAX_UNSENT_BYTES) socket.destroy();
  }

  private observeEnd(error?: Error): void {
    if (!this.isEnding) this.observer?.ended(error);
  }

  private drained(): void {
    clearTimeout(this.stalled);
    this.stalled = undefined;
    this.data.isBlocked = false;
    this.data.sendWaiting();
  }

  /** Ends our side, and the connection if the peer does not end its own. */
  private end(): void {
    if (this.isEnding) return;
    this.isEnding = true;
    const { socket } = this;
    // Until then it is read: to close a socket with unread bytes takes back what was sent.
    const destroyIn = (ms: number) => setTimeout(() => socket.destroy(), ms);
    // Answers that are whole may still wait for a peer that reads slowly.
    let timer = destroyIn(this.destroyed ? LINGER_MS : STALLED_MS);
    socket.once("finish", () => {
      clearTimeout(timer);
      timer = destroyIn(LINGER_MS);
    });
    socket.once("close", () => clearTimeout(timer));
    socket.end();
  }

  /** There is nothing more to say; the socket may still wait for its peer. */
  private gone(): void {
    if (this.isGone) return;
    this.isGone = true;
    clearTimeout(this.stalled);
    clearTimeout(this.settled);
    this.destroyed = this.closed = true;
    this.reader.stop();
    this.abandonAll(this.error);
    this.closeStreams();
    if (this.error !== undefined && this.listenerCount("error") > 0) this.emit("error", this.error);
    this.emit("close");
  }
}

function ignore(): void {}
