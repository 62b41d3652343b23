/** Messages of gRPC, taken apart as they come in DATA. */
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { Buffer } from "node:buffer";
import protobuf from "protobufjs";
import { PREFIX_BYTES } from "../contract/grpc_protocol.ts";
import { formatCount } from "../text/amounts.ts";
import { shownBytes, shownText } from "./frames.ts";

/** How much of a message is kept until its end has come, and is taken apart, in bytes. */
const MAX_KEPT_BYTES = 4096;

/** How many fields of a message are shown, those of its messages included. */
const MAX_FIELDS = 50;

/** How many messages of one DATA frame are shown. */
const MAX_MESSAGES = 20;

/** How deep messages are taken apart that are known. */
const MAX_DEPTH = 8;

/** Takes the messages of one direction of a stream apart. */
export interface MessageReader {
  /** Takes the data of a frame; returns what can be said now. */
  take(data: Buffer): string[];
  /** The stream has ended in this direction; returns what is wrong with that, if anything is. */
  end(): string[];
}

/** The message of which something has come. */
interface Incoming {
  /** What has come of the bytes before it. */
  prefix: Buffer;
  /** The start of the message. */
  kept: Buffer;
  /** How much of it has not come. */
  left: number;
}

/** @param type what the messages are; undefined if it is not known, and fields then have no names */
export function messageReader(type: protobuf.Type | undefined): MessageReader {
  const message: Incoming = { prefix: NOTHING, kept: NOTHING, left: 0 };
  return {
    take: (data) => takeData(message, data, type),
    end() {
      const { prefix, left } = message;
      if (prefix.length === 0) return [];
      if (!isWhole(prefix)) {
        return [
          `the message is cut short: ${prefix.length} of the ${PREFIX_BYTES} bytes before it`,
        ];
      }
      const length = prefix.readUInt32BE(1);
      return [
        `the message is cut short: ${length - left} of ${length} bytes`,
        ...contentLines(message, type),
      ];
    },
  };
}

const NOTHING: Buffer = Buffer.alloc(0);

function isWhole(prefix: Buffer): boolean {
  return prefix.length === PREFIX_BYTES;
}

function takeData(message: Incoming, data: Buffer, type: protobuf.Type | undefined): string[] {
  const lines: string[] = [];
  if (isWhole(message.prefix) && data.length > 0) {
    lines.push(`goes on: ${message.left} bytes of the message have not come before`);
  }
  let begun = 0;
  for (let at = 0; at < data.length;) {
    const said: string[] = [];
    if (!isWhole(message.prefix)) {
      at += addPrefix(message, data.subarray(at));
      if (!isWhole(message.prefix)) break;
      begun++;
      said.push(prefixLine(message, type));
    }
    at += addContent(message, data.subarray(at));
    if (message.left === 0) {
      said.push(...contentLines(message, type));
      message.prefix = NOTHING;
    }
    if (begun <= MAX_MESSAGES) lines.push(...said);
  }
  if (begun > MAX_MESSAGES) {
    lines.push(`... and ${formatCount(begun - MAX_MESSAGES, "more message")}`);
  }
  return lines;
}

/** Takes what is missing of the bytes before a message; returns how much that is. */
function addPrefix(message: Incoming, data: Buffer): number {
  const part = data.subarray(0, PREFIX_BYTES - message.prefix.length);
  message.prefix = Buffer.concat([message.prefix, part]);
  if (isWhole(message.prefix)) {
    message.left = message.prefix.readUInt32BE(1);
    message.kept = NOTHING;
  }
  return part.length;
}

/** Takes what is missing of a message; returns how much that is. */
function addContent(message: Incoming, data: Buffer): number {
  const part = data.subarray(0, message.left);
  message.left -= part.length;
  const { kept } = message;
  if (kept.length < MAX_KEPT_BYTES) {
    message.kept = Buffer.concat([kept, part.subarray(0, MAX_KEPT_BYTES - kept.length)]);
  }
  return part.length;
}

/** What the bytes before a message say: its compression and its length. */
function prefixLine({ prefix }: Incoming, type: protobuf.Type | undefined): string {
  const [flag] = prefix;
  const compression = ["not compressed", "compressed"][flag!] ?? `wrong flag ${flag}`;
  const name = type === undefined ? "message" : type.fullName.slice(1);
  const length = formatCount(prefix.readUInt32BE(1), "byte");
  return `${prefix.toString("hex").replace(/^../, "$& ")}: ${name}, ${length}, ${compression}`;
}

/** The fields of a message, as far as it has come and was kept; nothing of one that is compressed. */
function contentLines({ prefix, kept, left }: Incoming, type: protobuf.Type | undefined): string[] {
  if (prefix[0] === 1) return [];
  const isCut = kept.length < prefix.readUInt32BE(1) - left;
  return [
    ...(isCut ? [`  the first ${kept.length} bytes:`] : []),
    ...fieldLines(kept, type).map((line) => `  ${line}`),
  ];
}

/** The fields of a message, a line for each; the lines of a message in it are indented. */
export function fieldLines(bytes: Buffer, type: protobuf.Type | undefined): string[] {
  const lines: string[] = [];
  addFields(lines, bytes, type, 0);
  return lines;
}

function addFields(
  lines: string[],
  bytes: Buffer,
  type: protobuf.Type | undefined,
  depth: number,
): void {
  const indent = "  ".repeat(depth);
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const start = reader.pos;
    if (lines.length >= MAX_FIELDS) {
      lines.push(`${indent}... and ${formatCount(reader.len - start, "more byte")}`);
      return;
    }
    try {
      const [number, wireType] = reader.tag();
      const field = type?.fieldsById[number]?.resolve();
      const name = `${indent}${number}${field === undefined ? "" : ` ${field.name}`}`;
      const inner = field?.resolvedType;
      if (
        wireType === WireType.LengthDelimited && inner instanceof protobuf.Type && depth < MAX_DEPTH
      ) {
        const message = bufferOf(reader.bytes());
        lines.push(`${name}: message, ${formatCount(message.length, "byte")}`);
        addFields(lines, message, inner, depth + 1);
      } else lines.push(`${name}: ${valueOf(reader, wireType, field)}`);
    } catch {
      // The reader throws different errors for what is no message.
      lines.push(`${indent}no field, or cut short: ${shownBytes(bytes.subarray(start))}`);
      return;
    }
  }
}

/** @throws {Error} if the value is cut short */
function valueOf(
  reader: BinaryReader,
  wireType: WireType,
  field: protobuf.Field | undefined,
): string {
  switch (wireType) {
    case WireType.Varint:
      return varint(reader, field);
    case WireType.Bit32:
    case WireType.Bit64:
      return shownBytes(bufferOf(reader.skip(wireType)));
    case WireType.LengthDelimited: {
      const bytes = bufferOf(reader.bytes());
      return isText(bytes, field)
        ? shownText(bytes)
        : `${formatCount(bytes.length, "byte")} ${shownBytes(bytes)}`;
    }
    case WireType.StartGroup:
      return "begin of a group";
    default:
      return "end of a group";
  }
}

function varint(reader: BinaryReader, field: protobuf.Field | undefined): string {
  const value = reader.int64();
  const { resolvedType = null } = field ?? {};
  const name = resolvedType instanceof protobuf.Enum && resolvedType.valuesById[Number(value)];
  return name ? `${value} ${name}` : `${value}`;
}

/** Of a field that is not known, what reads as a text without controls is taken for one. */
function isText(bytes: Buffer, field: protobuf.Field | undefined): boolean {
  if (field !== undefined) return field.type === "string";
  // deno-lint-ignore no-control-regex
  return bytes.length > 0 && !/[\0-\x1f\x7f\ufffd]/.test(bytes.toString());
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}
