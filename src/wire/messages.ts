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

/** @param type what the messages are; undefined if it is not known, and fields then have no names */
export function messageReader(type: protobuf.Type | undefined): MessageReader {
  let prefix: Buffer = Buffer.alloc(0);
  let kept: Buffer = Buffer.alloc(0);
  /** How much of the current message has not come; of a prefix that is not whole, nothing is known. */
  let left = 0;
  let isCompressed = false;

  function fieldsOf(length: number): string[] {
    if (isCompressed) return [];
    if (kept.length < length) return [`  the first ${kept.length} bytes:`, ...shown()];
    return shown();
  }

  const shown = () => fieldLines(kept, type).map((line) => `  ${line}`);

  /** Reads the end of the prefix, and what it says. */
  function begin(): string {
    const [flag] = prefix;
    left = prefix.readUInt32BE(1);
    kept = Buffer.alloc(0);
    isCompressed = flag === 1;
    const what = flag === 0 ? "not compressed" : isCompressed ? "compressed" : `wrong flag ${flag}`;
    const name = type === undefined ? "message" : type.fullName.slice(1);
    return `${prefix.toString("hex").replace(/^../, "$& ")}: ${name}, ${
      formatCount(left, "byte")
    }, ${what}`;
  }

  function take(data: Buffer): string[] {
    const lines: string[] = [];
    let messages = 0;
    const say = (...more: string[]) => {
      if (messages <= MAX_MESSAGES) lines.push(...more);
    };
    for (let at = 0; at < data.length;) {
      if (prefix.length < PREFIX_BYTES) {
        const missing = PREFIX_BYTES - prefix.length;
        prefix = Buffer.concat([prefix, data.subarray(at, at + missing)]);
        at += missing;
        if (prefix.length < PREFIX_BYTES) break;
        messages++;
        say(begin());
      } else if (at === 0) say(`goes on: ${left} bytes of the message have not come before`);
      const part = data.subarray(at, at + left);
      at += part.length;
      left -= part.length;
      if (kept.length < MAX_KEPT_BYTES) {
        kept = Buffer.concat([kept, part.subarray(0, MAX_KEPT_BYTES - kept.length)]);
      }
      if (left > 0) break;
      say(...fieldsOf(prefix.readUInt32BE(1)));
      prefix = Buffer.alloc(0);
    }
    if (messages > MAX_MESSAGES) lines.push(`... and ${messages - MAX_MESSAGES} more messages`);
    return lines;
  }

  return {
    take,
    end() {
      if (prefix.length === 0) return [];
      if (prefix.length < PREFIX_BYTES) {
        return [
          `the message is cut short: ${prefix.length} of the ${PREFIX_BYTES} bytes before it`,
        ];
      }
      const length = prefix.readUInt32BE(1);
      return [`the message is cut short: ${length - left} of ${length} bytes`, ...shown()];
    },
  };
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
