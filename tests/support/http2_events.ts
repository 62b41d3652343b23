/** What a side of HTTP/2 has sent, as events that can be compared. */
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { HpackDecoder } from "../../src/http2/hpack_decoder.ts";
import { Flag, FrameType, PREFACE, type ReceivedFrame, takeFrames } from "./frames.ts";

/** What each frame of the peer led to. */
export type Events = readonly string[];

/** Reads what a side sends. */
export interface EventReader {
  /** The events since the last call. */
  take(sent: Buffer): string[];
}

/**
 * Makes a reader of one connection. Not among the events are SETTINGS, PINGs, and how the content of a
 * stream was cut.
 */
export function readEvents(): EventReader {
  const decoder = new HpackDecoder(1 << 24, 1 << 24);
  let rest: Uint8Array = Buffer.alloc(0);
  return {
    take(sent) {
      rest = Buffer.concat([rest, sent]);
      if (PREFACE.equals(rest.subarray(0, 24))) rest = rest.subarray(24);
      const events: string[] = [];
      const content = new Map<number, Buffer[]>();
      rest = takeFrames(rest, (frame) => readFrame(decoder, frame, events, content));
      for (const [id, parts] of content) {
        const all = Buffer.concat(parts);
        const isText = all.length < 200;
        events.push(`data ${id} ${isText ? all : `${all.length} ${crc32(all)}`}`);
      }
      return events.sort();
    },
  };
}

function readFrame(
  decoder: HpackDecoder,
  { type, flags, streamId: id, payload: bytes }: ReceivedFrame,
  events: string[],
  content: Map<number, Buffer[]>,
): void {
  const payload = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  switch (type) {
    case FrameType.DATA:
      if (payload.length > 0) content.set(id, [...content.get(id) ?? [], payload]);
      break;
    case FrameType.HEADERS:
    case FrameType.CONTINUATION: {
      if (type === FrameType.HEADERS) decoder.begin();
      decoder.decode(payload, 0, payload.length);
      if (flags & Flag.END_HEADERS) {
        decoder.end();
        const status = decoder.fields.find(({ name }) => name === ":status" || name === ":path");
        events.push(`headers ${id} ${status?.value}`);
      }
      break;
    }
    case FrameType.RST_STREAM:
      events.push(`reset ${id} ${payload.readUInt32BE(0)}`);
      break;
    case FrameType.SETTINGS:
      if (flags & Flag.ACK) events.push("settings ack");
      break;
    case FrameType.PING:
      // Go sends PINGs of its own.
      if (flags & Flag.ACK) events.push(`ping ${payload.toString("hex")}`);
      break;
    case FrameType.WINDOW_UPDATE:
      events.push(`window ${id} ${payload.readUInt32BE(0)}`);
      break;
    case FrameType.GOAWAY:
      events.push(`goaway ${payload.readUInt32BE(4)}`);
      break;
  }
  const ends = type === FrameType.DATA || type === FrameType.HEADERS;
  if (ends && flags & Flag.END_STREAM) events.push(`end ${id}`);
}
