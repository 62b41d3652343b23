import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import protobuf from "protobufjs";

/** A number below 2 ** 28 takes no more bytes than this. */
const SHORT_VARINT = 4;

/** 64 bits take no more bytes than this. */
const LONGEST_VARINT = 10;

/** How deep groups may be nested: deeper ones could exhaust the stack. */
const MAX_GROUP_DEPTH = 100;

/**
 * How often known fields may come: of a field that is there again and again the last one counts, and
 * to decode all of 4 MiB took a third of a second.
 */
const MAX_KNOWN_FIELDS = 10_000;

/** How much of a text of a request is kept, in UTF-16 units: several times what is used of it. */
const MAX_KEPT = 1024;

/**
 * The start of a text of any length, as much as shows what it is: a call that waits would keep all of
 * it. It is a copy, since a substring keeps the whole text in memory.
 */
export function keptText(text: string): string {
  return text.length <= MAX_KEPT ? text : [...text.slice(0, MAX_KEPT)].join("");
}

/**
 * Makes the decoder of a type of message, which throws on what is not a message of that type. Messages
 * are plain objects as `@grpc/proto-loader` makes them with `defaults` and `oneofs`: a field that is not
 * there has its default, and in the place of a oneof's name is that of the field that is there, if any.
 *
 * A field of another wire type than its own is skipped, as one that is not known. That is what
 * grpc-go and grpcio do (tests/interop/wire_test.ts asks them), but neither protobufjs nor
 * `fromBinary` of `@bufbuild/protobuf`: they take whatever comes under the number of a field for its
 * value. protobufjs also accepts truncated strings and invalid UTF-8. So the reader is that of
 * `@bufbuild/protobuf`, and the loop over the fields is here. `fromBinary` and the descriptors that
 * it needs would add 20 ms to the start of each command.
 *
 * Fields that are not known are not kept. It knows the field types that are needed so far, and throws on
 * others when it is made, so that a contract that grows does not go unchecked.
 *
 * @param text what is made of each text
 * @throws {Error} for a type with fields other than strings, bytes, int32, enums and messages, or
 * with repeated ones other than messages
 */
export function decoderOf<T>(
  type: protobuf.Type,
  text: Text = (text) => text,
): (bytes: Uint8Array) => T {
  const decode = decodeInto(type, text);
  return (bytes) => decode(bytes, undefined) as T;
}

type Message = Record<string, unknown>;

/** Decodes into the message that an earlier part has begun, or into a new one where `part` is undefined. */
type DecodeInto = (bytes: Uint8Array, part: unknown) => Message;

/** What is made of a text. */
type Text = (text: string) => string;

function decodeInto(type: protobuf.Type, text: Text): DecodeInto {
  const fields = new Map(
    type.fieldsArray.map((field) => [field.id, fieldReader(field.resolve(), text)]),
  );
  const create = emptyMessage(type);
  return (bytes, part) => {
    const message = (part ?? create()) as Message;
    const reader = new BinaryReader(bytes);
    let known = 0;
    while (reader.pos < reader.len) {
      const [number, wireType] = reader.tag();
      const field = fields.get(number);
      if (wireType === WireType.LengthDelimited) checkLength(reader);
      if (field?.wireType !== wireType) skip(reader, bytes, number, wireType);
      else if (++known <= MAX_KNOWN_FIELDS) field.read(reader, message);
      else throw new RangeError(`more than ${MAX_KNOWN_FIELDS} fields`);
    }
    return message;
  };
}

function emptyMessage({ fieldsArray }: protobuf.Type): () => Message {
  const single = fieldsArray.filter(({ partOf, repeated }) => partOf === null && !repeated);
  const lists = fieldsArray.filter(({ repeated }) => repeated).map(({ name }) => name);
  const defaults = Object.fromEntries(single.map(({ name, defaultValue }) => [name, defaultValue]));
  return () => {
    const message: Message = { ...defaults };
    for (const name of lists) message[name] = [];
    return message;
  };
}

/** Throws where a length is larger than all that there is: the reader looks at 32 bits of it alone. */
function checkLength(reader: BinaryReader): void {
  const start = reader.pos;
  reader.uint32();
  const isShort = reader.pos <= start + SHORT_VARINT;
  reader.pos = start;
  if (isShort) return;
  if (Number(reader.uint64()) > reader.len) throw new RangeError("truncated field");
  reader.pos = start;
}

/** The lengths of values that say none. */
const FIXED: Readonly<Partial<Record<WireType, number>>> = {
  [WireType.Bit32]: 4,
  [WireType.Bit64]: 8,
};

/**
 * The reader's own skip passes over varints and lengths of any size, in groups too, and makes an object
 * of each field.
 */
function skip(
  reader: BinaryReader,
  bytes: Uint8Array,
  number: number,
  wireType: WireType,
  depth = 0,
): void {
  if (wireType === WireType.Varint) skipVarint(reader, bytes);
  else if (wireType === WireType.StartGroup) skipGroup(reader, bytes, number, depth + 1);
  else if (wireType === WireType.EndGroup) throw new Error("end of a group that was not begun");
  else {
    // It moves on as it reads a length.
    const length = FIXED[wireType] ?? reader.uint32();
    reader.pos += length;
    if (reader.pos > reader.len) throw new RangeError("truncated field");
  }
}

function skipVarint(reader: BinaryReader, bytes: Uint8Array): void {
  for (let length = 0; length < LONGEST_VARINT; length++) {
    // Behind the end there is no byte.
    if (bytes[reader.pos++]! < 0x80) return;
  }
  throw new RangeError("a varint of more than ten bytes, or truncated");
}

function skipGroup(reader: BinaryReader, bytes: Uint8Array, group: number, depth: number): void {
  if (depth > MAX_GROUP_DEPTH) throw new Error("groups nested too deeply");
  while (true) {
    const [number, wireType] = reader.tag();
    if (wireType === WireType.EndGroup) {
      if (number !== group) throw new Error("mismatched end of a group");
      return;
    }
    if (wireType === WireType.LengthDelimited) checkLength(reader);
    skip(reader, bytes, number, wireType, depth);
  }
}

/** What a known field must be, and what reads it. */
interface FieldReader {
  readonly wireType: WireType;
  read(reader: BinaryReader, message: Message): void;
}

function fieldReader(field: protobuf.Field, text: Text): FieldReader {
  const { name, repeated, partOf } = field;
  const { wireType, value } = valueReader(field, text);
  if (repeated) {
    return {
      wireType,
      read: (reader, message) => void (message[name] as unknown[]).push(value(reader, undefined)),
    };
  }
  const others = (partOf?.oneof ?? []).filter((other) => other !== name);
  return {
    wireType,
    read: (reader, message) => {
      for (const other of others) delete message[other];
      message[name] = value(reader, message[name]);
      if (partOf !== null) message[partOf.name] = name;
    },
  };
}

interface ValueReader {
  readonly wireType: WireType;
  /**
   * Reads a value.
   *
   * @param part what the field has so far: a message may come in several parts, which are merged
   */
  value(reader: BinaryReader, part: unknown): unknown;
}

function valueReader(field: protobuf.Field, text: Text): ValueReader {
  const { type, resolvedType, repeated, map } = field;
  if (resolvedType instanceof protobuf.Type && !map) {
    const decode = decodeInto(resolvedType, text);
    return {
      wireType: WireType.LengthDelimited,
      value: (reader, part) => decode(reader.bytes(), part),
    };
  }
  const scalar = scalars(text)[resolvedType instanceof protobuf.Enum ? "int32" : type];
  if (scalar !== undefined && !repeated && !map) return scalar;
  throw new Error(`the decoder does not know ${field.fullName} = ${field.id} of type ${type}`);
}

const scalars = (text: Text): Readonly<Record<string, ValueReader>> => ({
  int32: { wireType: WireType.Varint, value: (reader) => reader.int32() },
  string: { wireType: WireType.LengthDelimited, value: (reader) => text(reader.string(true)) },
  bytes: { wireType: WireType.LengthDelimited, value: (reader) => reader.bytes() },
});
