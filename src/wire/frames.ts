/** Frames of HTTP/2 in words: RFC 9113, section 6. Headers and data are taken apart elsewhere. */
import type { Buffer } from "node:buffer";
import * as h2 from "../http2/frames.ts";
import { formatCount } from "../text/amounts.ts";
import { escapeControls } from "../text/escape.ts";

/** By the number of the type. */
const TYPES = [
  "DATA",
  "HEADERS",
  "PRIORITY",
  "RST_STREAM",
  "SETTINGS",
  "PUSH_PROMISE",
  "PING",
  "GOAWAY",
  "WINDOW_UPDATE",
  "CONTINUATION",
];

/** By the number of the code: RFC 9113, section 7. */
const ERROR_CODES = [
  "NO_ERROR",
  "PROTOCOL_ERROR",
  "INTERNAL_ERROR",
  "FLOW_CONTROL_ERROR",
  "SETTINGS_TIMEOUT",
  "STREAM_CLOSED",
  "FRAME_SIZE_ERROR",
  "REFUSED_STREAM",
  "CANCEL",
  "COMPRESSION_ERROR",
  "CONNECT_ERROR",
  "ENHANCE_YOUR_CALM",
  "INADEQUATE_SECURITY",
  "HTTP_1_1_REQUIRED",
];

/** RFC 9113, section 6.5.2; RFC 8441, section 3; RFC 9218, section 2.1; gRPC's gRFC G1. */
const SETTING_NAMES: Readonly<Record<number, string>> = {
  1: "HEADER_TABLE_SIZE",
  2: "ENABLE_PUSH",
  3: "MAX_CONCURRENT_STREAMS",
  4: "INITIAL_WINDOW_SIZE",
  5: "MAX_FRAME_SIZE",
  6: "MAX_HEADER_LIST_SIZE",
  8: "ENABLE_CONNECT_PROTOCOL",
  9: "NO_RFC7540_PRIORITIES",
  0xfe03: "GRPC_ALLOW_TRUE_BINARY_METADATA",
};

/** How many settings of a frame are shown. */
const MAX_SETTINGS = 32;

/** How many bytes of anything are shown. */
const MAX_BYTES = 32;

/**
 * The line of a frame: `SETTINGS ACK, stream 0, 0 bytes`.
 *
 * @param length that of the payload, in bytes
 */
export function frameLine(type: number, flags: number, id: number, length: number): string {
  const name = TYPES[type] ?? `frame of the unknown type ${hexNumber(type)}`;
  const set = flagNames(type, flags).map((flag) => ` ${flag}`).join("");
  return `${name}${set}, stream ${id}, ${formatCount(length, "byte")}`;
}

/** The names of the flags that are set; those that mean nothing to this type by their numbers. */
function flagNames(type: number, flags: number): string[] {
  const known: [bit: number, name: string, types: readonly number[]][] = [
    [h2.END_STREAM, "END_STREAM", [h2.DATA, h2.HEADERS]],
    [h2.ACK, "ACK", [h2.SETTINGS, h2.PING]],
    [h2.END_HEADERS, "END_HEADERS", [h2.HEADERS, h2.PUSH_PROMISE, h2.CONTINUATION]],
    [h2.PADDED, "PADDED", [h2.DATA, h2.HEADERS, h2.PUSH_PROMISE]],
    [h2.HAS_PRIORITY, "PRIORITY", [h2.HEADERS]],
  ];
  const names: string[] = [];
  let rest = flags;
  for (const [bit, name, types] of known) {
    if ((rest & bit) === 0 || !types.includes(type)) continue;
    names.push(name);
    rest &= ~bit;
  }
  return rest === 0 ? names : [...names, hexNumber(rest)];
}

/** What a payload says; nothing for a type whose payload is headers or data, or that is not known. */
export function payloadLines(type: number, payload: Buffer): string[] {
  switch (type) {
    case h2.PRIORITY:
      return payload.length === 5 ? [dependency(payload)] : [wrongLength(payload)];
    case h2.RST_STREAM:
      return payload.length === 4 ? [errorCode(payload.readUInt32BE())] : [wrongLength(payload)];
    case h2.SETTINGS:
      return settingLines(payload);
    case h2.PING:
      return payload.length === 8 ? [shownBytes(payload)] : [wrongLength(payload)];
    case h2.GOAWAY:
      return payload.length >= 8 ? [goaway(payload)] : [wrongLength(payload)];
    case h2.WINDOW_UPDATE:
      return payload.length === 4
        ? [`may send ${formatCount(payload.readUInt32BE() & 0x7fffffff, "more byte")}`]
        : [wrongLength(payload)];
    case h2.DATA:
    case h2.HEADERS:
    case h2.PUSH_PROMISE:
    case h2.CONTINUATION:
      return [];
    default:
      return payload.length === 0 ? [] : [shownBytes(payload)];
  }
}

function dependency(payload: Buffer): string {
  const stream = payload.readUInt32BE();
  const alone = stream >>> 31 === 1 ? ", exclusive" : "";
  return `depends on stream ${stream & 0x7fffffff}, weight ${payload[4]! + 1}${alone}`;
}

function settingLines(payload: Buffer): string[] {
  const lines: string[] = [];
  let at = 0;
  for (; at + 6 <= payload.length && lines.length < MAX_SETTINGS; at += 6) {
    const id = payload.readUInt16BE(at);
    lines.push(`${SETTING_NAMES[id] ?? hexNumber(id)} = ${payload.readUInt32BE(at + 2)}`);
  }
  const rest = payload.length - at;
  if (rest >= 6) lines.push(`... and ${Math.floor(rest / 6)} more`);
  if (rest % 6 !== 0) lines.push("the last setting is cut short");
  return lines;
}

function goaway(payload: Buffer): string {
  const last = payload.readUInt32BE() & 0x7fffffff;
  const data = payload.subarray(8);
  const debug = data.length === 0 ? "" : `: ${shownText(data)}`;
  const streams = last === 0x7fffffff
    ? "no new streams, those that are open go on"
    : `no stream above ${last} was looked at`;
  return `${errorCode(payload.readUInt32BE(4))}, last stream ${last} (${streams})${debug}`;
}

function errorCode(code: number): string {
  return `${ERROR_CODES[code] ?? "unknown code"} (${code})`;
}

function wrongLength(payload: Buffer): string {
  const shown = payload.length === 0 ? "" : `: ${shownBytes(payload)}`;
  return `not the length that this type has${shown}`;
}

/** The start of some bytes as hexadecimal numbers. */
export function shownBytes(bytes: Buffer): string {
  const more = bytes.length > MAX_BYTES ? " ..." : "";
  return bytes.toString("hex", 0, MAX_BYTES).replace(/..(?=.)/g, "$& ") + more;
}

/** How much of a text is shown, in bytes. */
const MAX_TEXT_BYTES = 200;

/** The start of a text in quotes, in which a byte that is no UTF-8 is U+FFFD. */
export function shownText(bytes: Buffer): string {
  const more = bytes.length > MAX_TEXT_BYTES ? "..." : "";
  return `"${escapeControls(bytes.toString("utf8", 0, MAX_TEXT_BYTES))}"${more}`;
}

function hexNumber(number: number): string {
  return `0x${number.toString(16)}`;
}
