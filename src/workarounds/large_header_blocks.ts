/**
 * A call with a very large header ends its connection, and with it the other calls there.
 *
 * - What is wrong: nghttp2 takes a name or value of more than 65,536 bytes for an error of compression,
 *   and a header block of more than nine frames for an attack. Both are errors of the connection, whose
 *   calls all fail. nghttp2 has no option for the first, and node:http2 none for the second.
 * - Versions: Deno 2.9.2 (nghttp2).
 * - Upstream: no issue is known; `NGHTTP2_HD_MAX_NV` in
 *   https://github.com/nghttp2/nghttp2/blob/master/lib/nghttp2_hd.c,
 *   https://www.rfc-editor.org/rfc/rfc9113#section-10.5.1
 * - Measured beside a call that was open: a header of 66 KiB, GOAWAY with COMPRESSION_ERROR; eight of
 *   20 KiB, GOAWAY with INTERNAL_ERROR; both times the other call was lost. With what is here the one
 *   call is reset with ENHANCE_YOUR_CALM, RESOURCE_EXHAUSTED for gRPC, and the other is answered. It
 *   costs 0.1 us a call, to find where frames begin. It also ends the connection, gracefully, for a
 *   block of more than 64 KiB that nghttp2 would take; what that holds cannot be known without decoding
 *   it.
 * - Fails: without it, or where Deno has no such handle any more: "a call with a header that nghttp2
 *   would not take ..." in tests/service_test.ts.
 * - It can go when nghttp2 refuses the stream alone.
 */
import { Buffer } from "node:buffer";
import type { ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import { handlePart } from "./private_parts.ts";

/** What node:http2 hands received bytes to on Deno; private to it. */
interface Receiving {
  receive(bytes: Uint8Array): void;
}

/** https://www.rfc-editor.org/rfc/rfc9113#section-6 */
const DATA = 0, HEADERS = 1, RST_STREAM = 3, WINDOW_UPDATE = 8, CONTINUATION = 9;
const END_HEADERS = 0x4;
/** https://www.rfc-editor.org/rfc/rfc9113#section-7 */
const REFUSED_STREAM = 7, ENHANCE_YOUR_CALM = 11;

const PREFACE_BYTES = 24, FRAME_HEAD_BYTES = 9;
/** As much as a frame may hold where nobody has announced more: RFC 9113, section 4.2. */
const MAX_FRAME_BYTES = 16_384;

/** What a client may send. */
export interface BlockLimits {
  /** The largest header block, compressed, in bytes. */
  readonly headerBytes: number;
  /** How many calls it may have open at once. */
  readonly concurrentStreams: number;
}

/** What becomes of the bytes of a frame. */
type Fate = "pass" | "hold" | "drop";

/** A header block that comes in several frames. */
interface Block {
  readonly id: number;
  /** As far as it has come, compressed. */
  bytes: number;
  /** Its last frame has begun. */
  last: boolean;
  /** Its frames, until it is complete; undefined if it is refused. */
  held: Uint8Array[] | undefined;
}

/** What a {@linkcode frameFilter} does besides passing on. */
interface FilterEvents {
  /** Takes what is good. */
  pass(bytes: Uint8Array): void;
  /** A stream was taken out; its caller is to be told. */
  refuse(id: number, code: number): void;
  /** That much of the connection's window was used by what was taken out. */
  unused(bytes: number): void;
  /** From here on no header can be read any more. */
  spoiled(): void;
  /** Headers have come on a stream that goes on, and cannot be read. */
  fail(): void;
}

/**
 * Keeps header blocks that nghttp2 would end the connection for from it, and refuses their calls.
 *
 * What such a block would have added to the table of HPACK is then missing, so that the connection can
 * take no more calls: it goes away gracefully, as in a drain. Calls that have come on it go on.
 *
 * @param socket the one that the session reads, behind TLS where there is TLS
 * @param limits the largest block, and how many calls a client opens at once: no client that heeds the
 * GOAWAY has more of them refused
 * @returns whether this Deno lets us; if not, the session is as it was
 */
export function refuseLargeHeaderBlocks(
  session: ServerHttp2Session,
  socket: Socket,
  limits: BlockLimits,
): boolean {
  const handle = handlePart<Receiving>(session, "receive");
  if (handle === undefined) return false;
  const receive = handle.receive;
  let refused = 0;
  handle.receive = frameFilter(limits.headerBytes, {
    pass: (bytes) => {
      if (!session.destroyed) receive.call(handle, bytes);
    },
    refuse: (id, code) => {
      if (++refused > limits.concurrentStreams) session.destroy();
      else socket.write(frame(RST_STREAM, id, code));
    },
    unused: (bytes) => void socket.write(frame(WINDOW_UPDATE, 0, bytes)),
    spoiled: () => session.close(),
    fail: () => session.destroy(),
  });
  return true;
}

/** Passes on what a client sends, without the calls whose header blocks are too large. */
function frameFilter(maxBytes: number, events: FilterEvents): (chunk: Uint8Array) => void {
  /** How much of the frame is still to come, and what becomes of it. */
  let left = PREFACE_BYTES, fate: Fate = "pass";
  /** The beginning of a frame's head. */
  let rest: Uint8Array | undefined;
  let block: Block | undefined;
  /** The last stream that was passed on, and whether none can be any more. */
  let lastId = 0, spoiled = false;

  function emit(bytes: Uint8Array): void {
    if (bytes.length === 0 || fate === "drop") return;
    if (fate === "pass") events.pass(bytes);
    else block?.held?.push(Buffer.from(bytes));
  }

  function release({ id, held }: Block): void {
    block = undefined;
    if (held === undefined) return;
    lastId = id;
    events.pass(Buffer.concat(held));
  }

  function fateOf(type: number, flags: number, id: number, length: number): Fate {
    if (length > MAX_FRAME_BYTES) {
      // An error of the connection, for nghttp2 to find as soon as it sees the head of the frame.
      if (block !== undefined) release(block);
      return "pass";
    }
    if (block !== undefined) {
      if (type === CONTINUATION && id === block.id) return fateOfBlock(block, flags, length);
      // An error, for nghttp2 to find.
      release(block);
    }
    if (type === HEADERS) return fateOfHeaders(flags, id, length);
    if (!spoiled || id <= lastId) return "pass";
    if (type === DATA && length > 0) events.unused(length);
    return "drop";
  }

  function fateOfHeaders(flags: number, id: number, length: number): Fate {
    const isWhole = (flags & END_HEADERS) !== 0;
    if (spoiled) {
      if (id <= lastId) events.fail();
      else events.refuse(id, REFUSED_STREAM);
      if (!isWhole) block = { id, bytes: length, last: false, held: undefined };
      return "drop";
    }
    if (isWhole || id <= lastId) {
      lastId = Math.max(lastId, id);
      return "pass";
    }
    block = { id, bytes: length, last: false, held: [] };
    return "hold";
  }

  function fateOfBlock(block: Block, flags: number, length: number): Fate {
    // Frames without anything in them are not to be kept without end.
    block.bytes += FRAME_HEAD_BYTES + length;
    block.last = (flags & END_HEADERS) !== 0;
    if (block.held === undefined) return "drop";
    if (block.bytes <= maxBytes) return "hold";
    block.held = undefined;
    spoiled = true;
    events.refuse(block.id, ENHANCE_YOUR_CALM);
    events.spoiled();
    return "drop";
  }

  return (received) => {
    const chunk = rest === undefined ? received : Buffer.concat([rest, received]);
    rest = undefined;
    let at = 0, from = 0;
    const emitUpTo = (end: number) => {
      emit(chunk.subarray(from, end));
      from = end;
    };
    while (true) {
      const step = Math.min(left, chunk.length - at);
      at += step;
      left -= step;
      if (left > 0) break;
      if (block?.last) {
        emitUpTo(at);
        fate = "pass";
        release(block);
      }
      if (chunk.length - at < FRAME_HEAD_BYTES) break;
      left = chunk[at]! << 16 | chunk[at + 1]! << 8 | chunk[at + 2]!;
      const id = (chunk[at + 5]! & 0x7f) << 24 | chunk[at + 6]! << 16 | chunk[at + 7]! << 8 |
        chunk[at + 8]!;
      // What came before has to be there before a block is released or refused.
      if (block !== undefined || spoiled) emitUpTo(at);
      const next = fateOf(chunk[at + 3]!, chunk[at + 4]!, id, left);
      if (next !== fate) emitUpTo(at);
      fate = next;
      at += FRAME_HEAD_BYTES;
    }
    emitUpTo(at);
    if (at < chunk.length) rest = chunk.slice(at);
  };
}

/** A frame of a stream that holds one number. */
function frame(type: number, id: number, value: number): Buffer {
  const bytes = Buffer.alloc(FRAME_HEAD_BYTES + 4);
  bytes.writeUIntBE(4, 0, 3);
  bytes.writeUInt8(type, 3);
  bytes.writeUInt32BE(id, 5);
  bytes.writeUInt32BE(value, FRAME_HEAD_BYTES);
  return bytes;
}
