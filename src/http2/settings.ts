/** What each side tells the other at the start, and may change later. RFC 9113, section 6.5. */
import type { Buffer } from "node:buffer";
import {
  ConnectionError,
  ENHANCE_YOUR_CALM,
  FLOW_CONTROL_ERROR,
  FRAME_SIZE_ERROR,
  type FrameWriter,
  PROTOCOL_ERROR,
  SETTINGS,
} from "./frames.ts";
import { MAX_FRAME_BYTES, MAX_SETTINGS, MAX_WINDOW } from "./limits.ts";

/** Settings by the names of node:http2; how many bytes or streams, or 1 for yes. */
export interface Settings {
  headerTableSize?: number;
  enablePush?: number;
  maxConcurrentStreams?: number;
  initialWindowSize?: number;
  maxFrameSize?: number;
  maxHeaderListSize?: number;
}

/** RFC 9113, section 6.5.2: the first is number 1. */
const NAMES: readonly (keyof Settings)[] = [
  "headerTableSize",
  "enablePush",
  "maxConcurrentStreams",
  "initialWindowSize",
  "maxFrameSize",
  "maxHeaderListSize",
];

/** What one setting takes in a frame. */
const BYTES = 6;

/** Writes a SETTINGS frame. */
export function writeSettings(writer: FrameWriter, settings: Settings): void {
  const names = NAMES.filter((name) => settings[name] !== undefined);
  writer.head(SETTINGS, 0, 0, names.length * BYTES);
  for (const name of names) {
    writer.u16(NAMES.indexOf(name) + 1);
    writer.u32(settings[name]!);
  }
}

/**
 * Reads the payload of a SETTINGS frame: the settings that are known, in their order.
 *
 * @param fromServer whether a server has sent it
 * @throws {ConnectionError} if one has a value that it may not have
 */
export function readSettings(
  payload: Buffer,
  from: number,
  to: number,
  fromServer: boolean,
): readonly (readonly [keyof Settings, number])[] {
  const count = (to - from) / BYTES;
  if (!Number.isInteger(count)) throw new ConnectionError(FRAME_SIZE_ERROR, "SETTINGS cut short");
  if (count > MAX_SETTINGS) throw new ConnectionError(ENHANCE_YOUR_CALM, "too many settings");
  const settings: [keyof Settings, number][] = [];
  for (let at = from; at < to; at += BYTES) {
    const name = NAMES[payload.readUInt16BE(at) - 1];
    if (name === undefined) continue;
    const value = payload.readUInt32BE(at + 2);
    const fault = faultOf(name, value, fromServer);
    if (fault !== undefined) throw new ConnectionError(fault, `the setting ${name} is ${value}`);
    settings.push([name, value]);
  }
  return settings;
}

/** The error code for a value; undefined if it is right. */
function faultOf(name: keyof Settings, value: number, fromServer: boolean): number | undefined {
  if (name === "enablePush") return value > (fromServer ? 0 : 1) ? PROTOCOL_ERROR : undefined;
  if (name === "initialWindowSize") return value > MAX_WINDOW ? FLOW_CONTROL_ERROR : undefined;
  if (name !== "maxFrameSize") return undefined;
  return value < MAX_FRAME_BYTES || value > 0xffffff ? PROTOCOL_ERROR : undefined;
}
