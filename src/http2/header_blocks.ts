/** Blocks of headers, which may come in several frames. RFC 9113, sections 4.3, 6.2 and 6.10. */
import type { Buffer } from "node:buffer";
import type { Field } from "./fields.ts";
import {
  ConnectionError,
  END_HEADERS,
  ENHANCE_YOUR_CALM,
  FRAME_SIZE_ERROR,
  HAS_PRIORITY,
  PADDED,
  PROTOCOL_ERROR,
} from "./frames.ts";
import { HpackDecoder } from "./hpack_decoder.ts";
import { MAX_BLOCK_BYTES, MAX_BLOCK_FRAMES } from "./limits.ts";

/** A block of headers. */
export interface HeaderBlock {
  readonly id: number;
  /** Those of the HEADERS frame. */
  readonly flags: number;
  /** Whether its stream is to depend on itself, an error: RFC 7540, section 5.3.1. */
  readonly isSelfDependent: boolean;
}

/** Decodes blocks as they come, of one direction of a connection. */
export class HeaderBlocks {
  /** The one whose end has not come. */
  current: HeaderBlock | undefined;
  private readonly decoder: HpackDecoder;
  private frames = 0;
  private bytes = 0;

  /**
   * @param maxListBytes how large a list of headers may be
   * @param maxFields how many fields it may have
   */
  constructor(readonly maxListBytes: number, readonly maxFields: number) {
    this.decoder = new HpackDecoder(maxListBytes, maxFields);
  }

  /** The fields of the last block. */
  get fields(): readonly Field[] {
    return this.decoder.fields;
  }

  /** Whether it has more than was allowed. */
  get isTooLarge(): boolean {
    return this.decoder.isTooLarge;
  }

  /**
   * Takes in HEADERS.
   *
   * @returns the block, if this is all of it
   * @throws {ConnectionError} for what RFC 9113 calls an error of the connection
   */
  begin(
    flags: number,
    id: number,
    payload: Buffer,
    from: number,
    to: number,
  ): HeaderBlock | undefined {
    if (id === 0) throw new ConnectionError(PROTOCOL_ERROR, "HEADERS of no stream");
    const padding = flags & PADDED ? payload[from++] ?? 0 : 0;
    let isSelfDependent = false;
    if (flags & HAS_PRIORITY) {
      if (to - from < 5) throw new ConnectionError(FRAME_SIZE_ERROR, "HEADERS too short");
      isSelfDependent = (payload.readUInt32BE(from) & 0x7fffffff) === id;
      from += 5;
    }
    if (padding > to - from) throw new ConnectionError(PROTOCOL_ERROR, "HEADERS with much padding");
    this.frames = this.bytes = 0;
    this.decoder.begin();
    return this.add({ id, flags, isSelfDependent }, flags, payload, from, to - padding);
  }

  /**
   * Takes in CONTINUATION of the current block.
   *
   * @returns the block, if this is the end of it
   * @throws {ConnectionError} for what RFC 9113 calls an error of the connection
   */
  continue(flags: number, payload: Buffer, from: number, to: number): HeaderBlock | undefined {
    if (this.current !== undefined) return this.add(this.current, flags, payload, from, to);
    throw new ConnectionError(PROTOCOL_ERROR, "CONTINUATION of nothing");
  }

  private add(
    block: HeaderBlock,
    flags: number,
    payload: Buffer,
    from: number,
    to: number,
  ): HeaderBlock | undefined {
    this.bytes += to - from;
    if (++this.frames > MAX_BLOCK_FRAMES || this.bytes > MAX_BLOCK_BYTES) {
      const limits = `${MAX_BLOCK_BYTES / 1024 ** 2} MiB or ${MAX_BLOCK_FRAMES} frames`;
      throw new ConnectionError(ENHANCE_YOUR_CALM, `headers of more than ${limits}`);
    }
    this.decoder.decode(payload, from, to);
    this.current = flags & END_HEADERS ? undefined : block;
    if (this.current !== undefined) return undefined;
    this.decoder.end();
    return block;
  }
}
