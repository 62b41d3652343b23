/** Looks into frames, for the lists of differences. */
import { Buffer } from "node:buffer";
import { HpackDecoder } from "../../../src/http2/hpack_decoder.ts";
import type { Field } from "../../../src/http2/fields.ts";
import { Flag, FrameType } from "../../support/frames.ts";
import type { Difference } from "./compare.ts";

export const typeOf = (frame: Buffer) => frame[3];
/** A number of four bytes; 0 where the frame is cut short. */
export const numberAt = (frame: Buffer, at: number) =>
  frame.length < at + 4 ? 0 : frame.readUInt32BE(at);
export const idOf = (frame: Buffer) => numberAt(frame, 5) & 0x7fffffff;
export const isHeaders = ({ frame }: Difference) =>
  typeOf(frame) === FrameType.HEADERS || typeOf(frame) === FrameType.CONTINUATION;

export const endsBlock = (frame: Buffer) => (frame[4]! & Flag.END_HEADERS) !== 0;

/** The frames of the block that the frame ends. */
export function blockFrames({ frame, before }: Difference): Buffer[] {
  const from = before.findLastIndex((one) => typeOf(one) === FrameType.HEADERS);
  return typeOf(frame) === FrameType.HEADERS ? [frame] : [...before.slice(from), frame];
}

/** The fields of the block that the frame ends; none where they cannot be read by themselves. */
export function fieldsOf(difference: Difference): readonly Field[] {
  const decoder = new HpackDecoder(1 << 24, 1 << 24);
  try {
    decoder.begin();
    for (const frame of blockFrames(difference)) {
      const isPadded = typeOf(frame) === FrameType.HEADERS && frame[4]! & 0x8;
      const hasPriority = typeOf(frame) === FrameType.HEADERS && frame[4]! & 0x20;
      const from = 9 + (isPadded ? 1 : 0) + (hasPriority ? 5 : 0);
      decoder.decode(frame, from, frame.length - (isPadded ? frame[9]! : 0));
    }
    return decoder.fields;
  } catch {
    return [];
  }
}

export function hasField(difference: Difference, name: string, value: RegExp): boolean {
  return fieldsOf(difference).some((field) => field.name === name && value.test(field.value));
}

export function settingsOf({ frame }: Difference): number[] {
  if (typeOf(frame) !== FrameType.SETTINGS) return [];
  return Array.from({ length: (frame.length - 9) / 6 }, (_, at) => frame.readUInt16BE(9 + 6 * at));
}

/** Whether the bytes of the block that the frame ends, or goes on with, have a text in them. */
export function hasText(difference: Difference, text: string): boolean {
  return Buffer.concat(blockFrames(difference).map((frame) => frame.subarray(9))).includes(text);
}
