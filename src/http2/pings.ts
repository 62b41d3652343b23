/** PING, both ways. RFC 9113, section 6.7. */
import type { Buffer } from "node:buffer";
import { ACK, ConnectionError, ENHANCE_YOUR_CALM, type FrameWriter, PING } from "./frames.ts";
import { MAX_PINGS, PING_STRIKES } from "./limits.ts";

/** Told of the answer to a PING, or why none will come. */
export type PingCallback = (
  error: Error | null,
  durationMs: number,
  payload: Uint8Array,
) => void;

interface Sent {
  readonly payload: string;
  readonly at: number;
  readonly callback: PingCallback;
}

const PAYLOAD_BYTES = 8;

/** The PINGs of a connection. */
export class Pings {
  private readonly sent: Sent[] = [];
  private receivedAt = -Infinity;
  private strikes = 0;

  /**
   * @param now the time in milliseconds
   * @param minIntervalMs see {@linkcode ConnectionOptions.minPingIntervalMs}
   */
  constructor(
    private readonly writer: FrameWriter,
    private readonly now: () => number,
    private readonly minIntervalMs = 0,
  ) {}

  /** @returns false if it was not sent, since too many wait for their answers */
  send(payload: Uint8Array, callback: PingCallback): boolean {
    if (this.sent.length >= MAX_PINGS) return false;
    this.write(0, payload);
    this.sent.push({ payload: String(payload), at: this.now(), callback });
    return true;
  }

  /**
   * Answers a PING of the peer.
   *
   * @throws {ConnectionError} if it pings too often
   */
  answer(payload: Buffer): void {
    const now = this.now();
    const isEarly = now - this.receivedAt < this.minIntervalMs;
    this.receivedAt = now;
    if (isEarly && ++this.strikes > PING_STRIKES) {
      throw new ConnectionError(ENHANCE_YOUR_CALM, "too_many_pings");
    }
    this.write(ACK, payload);
  }

  /** Takes the answer to a PING of ours; returns false if it answers none. */
  answered(payload: Buffer): boolean {
    const known = String(new Uint8Array(payload));
    const at = this.sent.findIndex((ping) => ping.payload === known);
    const [ping] = at < 0 ? [] : this.sent.splice(at, 1);
    ping?.callback(null, this.now() - ping.at, payload);
    return ping !== undefined;
  }

  /** The peer has been sent something else: it may ping for the first time again. */
  forgive(): void {
    this.receivedAt = -Infinity;
    this.strikes = 0;
  }

  /** No more answers will come. */
  fail(error: Error): void {
    const payload = new Uint8Array(PAYLOAD_BYTES);
    for (const { callback } of this.sent.splice(0)) callback(error, 0, payload);
  }

  private write(flags: number, payload: Uint8Array): void {
    this.writer.head(PING, flags, 0, PAYLOAD_BYTES);
    this.writer.payload(payload);
  }
}
