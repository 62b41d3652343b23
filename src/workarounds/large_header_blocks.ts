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
 *   20 KiB, GOAWAY with INTERNAL_ERROR; both times the other call was lost. With this file the one
 *   call is reset with ENHANCE_YOUR_CALM, RESOURCE_EXHAUSTED for gRPC, and the other is answered. It
 *   costs 0.1 us a call, to find where frames begin. It also ends the connection, gracefully, for a
 *   block of more than 64 KiB that nghttp2 would take; what that holds cannot be known without decoding
 *   it.
 * - Fails: without it, and after an update where Deno has no such handle, "a call with a header
 *   that nghttp2 would not take ..." in tests/service_test.ts.
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
 * @returns whether this Deno has such a handle; if not, the session is as it was
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

/** What is known of the header blocks that a client sends. */
interface Blocks {
  /** The largest block, compressed, in bytes. */
  readonly maxBytes: number;
  readonly events: FilterEvents;
  /** The one that is not complete. */
  current: Block | undefined;
  /** The last stream that was passed on. */
  lastId: number;
  /** Whether a block was refused, so that no stream can be passed on any more. */
  spoiled: boolean;
}

/** The nine bytes that a frame begins with. */
interface FrameHead {
  readonly length: number;
  readonly type: number;
  readonly flags: number;
  readonly id: number;
}

/** Passes on what a client sends, without the calls whose header blocks are too large. */
function frameFilter(maxBytes: number, events: FilterEvents): (chunk: Uint8Array) => void {
  const blocks: Blocks = { maxBytes, events, current: undefined, lastId: 0, spoiled: false };
  /** How much of the frame is still to come, and what becomes of it. */
  let left = PREFACE_BYTES, fate: Fate = "pass";
  /** The beginning of a frame's head. */
  let rest: Uint8Array | undefined;

  return (received) => {
    const chunk = rest === undefined ? received : Buffer.concat([rest, received]);
    rest = undefined;
    let at = 0, from = 0;
    const emitUpTo = (end: number) => {
      emit(blocks, fate, chunk.subarray(from, end));
      from = end;
    };
    while (true) {
      const step = Math.min(left, chunk.length - at);
      at += step;
      left -= step;
      if (left > 0) break;
      if (blocks.current?.last) {
        emitUpTo(at);
        fate = "pass";
        release(blocks);
      }
      if (chunk.length - at < FRAME_HEAD_BYTES) break;
      const head = readHead(chunk, at);
      // What came before has to be passed on before a block is released or refused.
      if (blocks.current !== undefined || blocks.spoiled) emitUpTo(at);
      const next = fateOf(head, blocks);
      if (next !== fate) emitUpTo(at);
      fate = next;
      left = head.length;
      at += FRAME_HEAD_BYTES;
    }
    emitUpTo(at);
    if (at < chunk.length) rest = chunk.slice(at);
  };
}

function readHead(chunk: Uint8Array, at: number): FrameHead {
  return {
    length: chunk[at]! << 16 | chunk[at + 1]! << 8 | chunk[at + 2]!,
    type: chunk[at + 3]!,
    flags: chunk[at + 4]!,
    id: (chunk[at + 5]! & 0x7f) << 24 | chunk[at + 6]! << 16 | chunk[at + 7]! << 8 |
      chunk[at + 8]!,
  };
}

/** Does with a part of a frame what becomes of the frame. */
function emit({ current, events }: Blocks, fate: Fate, bytes: Uint8Array): void {
  if (bytes.length === 0 || fate === "drop") return;
  if (fate === "pass") events.pass(bytes);
  else current?.held?.push(Buffer.from(bytes));
}

/** Passes on what was held of a block, unless the block was refused. */
function release(blocks: Blocks): void {
  const { current } = blocks;
  blocks.current = undefined;
  if (current?.held === undefined) return;
  blocks.lastId = current.id;
  blocks.events.pass(Buffer.concat(current.held));
}

/** Says what becomes of a frame, once all that came before it was passed on, held or dropped. */
function fateOf(head: FrameHead, blocks: Blocks): Fate {
  const { type, id, length } = head;
  const { current } = blocks;
  const isOfBlock = type === CONTINUATION && id === current?.id && length <= MAX_FRAME_BYTES;
  if (current !== undefined && isOfBlock) return fateOfContinuation(head, current, blocks);
  // Any other frame within a block is an error of the connection, for nghttp2 to find.
  if (current !== undefined) release(blocks);
  // Such a frame is an error of the connection too, which nghttp2 finds by the head alone.
  if (length > MAX_FRAME_BYTES) return "pass";
  if (type === HEADERS) return fateOfHeaders(head, blocks);
  if (!blocks.spoiled || id <= blocks.lastId) return "pass";
  if (type === DATA && length > 0) blocks.events.unused(length);
  return "drop";
}

function fateOfHeaders({ flags, id, length }: FrameHead, blocks: Blocks): Fate {
  const { events, lastId, spoiled } = blocks;
  const isWhole = (flags & END_HEADERS) !== 0;
  if (spoiled) {
    if (id <= lastId) events.fail();
    else events.refuse(id, REFUSED_STREAM);
    if (!isWhole) blocks.current = { id, bytes: length, last: false, held: undefined };
    return "drop";
  }
  if (isWhole || id <= lastId) {
    blocks.lastId = Math.max(lastId, id);
    return "pass";
  }
  blocks.current = { id, bytes: length, last: false, held: [] };
  return "hold";
}

function fateOfContinuation({ flags, length }: FrameHead, block: Block, blocks: Blocks): Fate {
  // The head counts too: empty frames without end are not to be held.
  block.bytes += FRAME_HEAD_BYTES + length;
  block.last = (flags & END_HEADERS) !== 0;
  if (block.held === undefined) return "drop";
  if (block.bytes <= blocks.maxBytes) return "hold";
  block.held = undefined;
  blocks.spoiled = true;
  blocks.events.refuse(block.id, ENHANCE_YOUR_CALM);
  blocks.events.spoiled();
  return "drop";
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
