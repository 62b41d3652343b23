/** What a peer may make a connection do or keep, and the attack that each limit is for. */

/** The largest frame that is taken, as large as a peer has to take one: RFC 9113, section 4.2. */
export const MAX_FRAME_BYTES = 16_384;

/** The window of a stream and of a connection at first: RFC 9113, section 6.9.2. */
export const DEFAULT_WINDOW = 65_535;

/** The largest window: RFC 9113, section 6.9.1. */
export const MAX_WINDOW = 0x7fffffff;

/** The largest table of HPACK, of either side: RFC 7541, section 6.5.2, names this size. */
export const MAX_TABLE_BYTES = 4096;

/** The headers of a message, where nobody says otherwise; counted as RFC 9113, section 6.5.2, says. */
export const DEFAULT_HEADER_LIST_BYTES = 64 * 1024;

/** Against messages of many empty headers: so many may come, where nobody says otherwise. */
export const DEFAULT_HEADER_FIELDS = 128;

/**
 * Against CONTINUATION floods (CVE-2024-27316) and HPACK bombs: a block of headers may be refused and
 * is decoded all the same, since the table has to stay right; this is how far.
 */
export const MAX_BLOCK_BYTES = 1024 * 1024, MAX_BLOCK_FRAMES = 1024;

/**
 * Against floods of PING, SETTINGS, PRIORITY, empty DATA and unknown frames (CVE-2019-9512 to 9518),
 * rapid resets (CVE-2023-44487) and streams that make us reset them (CVE-2025-8671): each takes one
 * from an allowance, which grows by time and by calls that are answered. nghttp2 allows as much.
 */
export const ALLOWANCE = 1000, ALLOWED_PER_SECOND = 100, ALLOWED_PER_CALL = 8;

/** Against SETTINGS of thousands of entries: nghttp2 takes as many. */
export const MAX_SETTINGS = 32;

/**
 * How many bytes of frames wait for a peer that reads slowly before its streams have to wait. It
 * bounds what a slow reader costs, besides what the owner of a stream has written to it.
 */
export const HIGH_WATER_BYTES = 256 * 1024;

/** Against a peer that makes us answer (PING, SETTINGS, resets) and never reads: it is cut off. */
export const MAX_UNSENT_BYTES = 2 * 1024 * 1024;

/** Against a peer that does not read: so long frames may wait for it, in milliseconds. */
export const STALLED_MS = 30_000;

/** Against a peer that does not follow the protocol (RFC 9113, section 6.5.3), in milliseconds. */
export const SETTINGS_ACK_MS = 10_000;

/** How long a peer may take to close its side, once it has read all that it was sent, in milliseconds. */
export const LINGER_MS = 3_000;

/**
 * Against a peer that acknowledges PINGs and SETTINGS without end: so many that were sent by others are
 * passed over, for each stream that was handed over.
 */
export const MAX_STRAY_ANSWERS = 10_000;

/** How many PINGs may wait for their answers. */
export const MAX_PINGS = 10;

/** How often a client may be too early with a PING, as gRPC's servers have it (gRFC A8). */
export const PING_STRIKES = 2;

/** What grows by time and is used up by work that a peer makes for nothing. */
export class Allowance {
  private left = ALLOWANCE;
  private since: number;

  /** @param now the time in milliseconds */
  constructor(private readonly now: () => number) {
    this.since = now();
  }

  /** Uses up one; returns false if there was none. */
  use(): boolean {
    if (this.left > 0) return this.left-- > 0;
    const now = this.now();
    const earned = Math.floor((now - this.since) * ALLOWED_PER_SECOND / 1000);
    if (earned < 1) return false;
    this.since = now;
    this.left = Math.min(ALLOWANCE, earned) - 1;
    return true;
  }

  /** A call was answered as it should be. */
  earn(): void {
    if (this.left < ALLOWANCE) this.left += ALLOWED_PER_CALL;
  }
}
