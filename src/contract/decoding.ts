import { Buffer } from "node:buffer";
import type { PackageDefinition, ServiceDefinition } from "@grpc/proto-loader";
import type { Field, Root, Service, Type } from "protobufjs";

// https://protobuf.dev/programming-guides/encoding/#structure
const VARINT = 0, FIXED64 = 1, LENGTH = 2, GROUP_START = 3, GROUP_END = 4, FIXED32 = 5;

/** How deep groups may be nested: deeper ones could exhaust the stack. */
const MAX_GROUP_DEPTH = 100;

/** No message has a field of this number. All four bits are set: OR makes it of any smaller number. */
const UNKNOWN_FIELD = 15;

/**
 * Makes the methods of a definition refuse what is not a message of their type, and skip a field of
 * another wire type than its own, as one that is not known. The decoder of protobufjs accepts
 * truncated strings and invalid UTF-8, and takes whatever comes under the number of a field for its
 * value. grpc-go and grpcio answer INTERNAL, as does grpc-js where a deserializer throws, and skip
 * such a field: tests/interop/wire_test.ts asks them.
 *
 * It knows the field types that are needed so far, and throws on others when it is called, so that
 * a contract that grows does not go unchecked.
 *
 * @throws {Error} for a message with a field that is not a singular string, int32 or message, or whose
 * number is above 14
 */
export function decodeStrictly(definition: PackageDefinition, root: Root): void {
  for (const [name, value] of Object.entries(definition)) {
    if ("format" in value) continue;
    const service = value as ServiceDefinition;
    const types = root.lookupService(name);
    types.resolveAll();
    for (const [methodName, method] of Object.entries(service)) {
      const check = strictChecker(types.methods[methodName]!.resolvedResponseType!);
      const { responseDeserialize } = method;
      method.responseDeserialize = (bytes) => responseDeserialize(check(bytes));
    }
    Object.assign(service, withStrictRequests(service, types));
  }
}

/**
 * Makes a copy of a definition whose methods refuse requests that are not messages of their type.
 *
 * @param types the same service as protobufjs has read it
 * @throws {Error} for a request with a field that is not a singular string, int32 or message, or whose
 * number is above 14
 */
export function withStrictRequests(
  definition: ServiceDefinition,
  types: Service,
): ServiceDefinition {
  types.resolveAll();
  const methods = Object.entries(definition).map(([name, method]) => {
    const check = strictChecker(types.methods[name]!.resolvedRequestType!);
    const { requestDeserialize } = method;
    const strict = { requestDeserialize: (bytes: Buffer) => requestDeserialize(check(bytes)) };
    return [name, { ...method, ...strict }] as const;
  });
  return Object.fromEntries(methods);
}

/**
 * Makes a function that throws on what is not a valid message, and returns the bytes of what is, as
 * protobufjs has to read them.
 */
function strictChecker(type: Type): (bytes: Buffer) => Buffer {
  const check = messageCheck(type);
  return (bytes) => {
    const misfits: number[] = [];
    check(bytes, misfits);
    return misfits.length === 0 ? bytes : withoutMisfits(bytes, misfits);
  };
}

/** A copy in which fields of another wire type than their own have a number that is not known. */
function withoutMisfits(bytes: Buffer, misfits: readonly number[]): Buffer {
  const copy = Buffer.from(bytes);
  for (const at of misfits) copy[at - bytes.byteOffset]! |= UNKNOWN_FIELD << 3;
  return copy;
}

/**
 * Passes over a message; throws if it is not valid.
 *
 * @param misfits takes where fields of another wire type than their own begin, in the underlying
 * buffer of the bytes
 */
type MessageCheck = (bytes: Uint8Array, misfits: number[]) => void;

function messageCheck(type: Type): MessageCheck {
  const fields = new Map(type.fieldsArray.map((field) => [field.id, fieldChecker(field)]));
  return (bytes, misfits) => {
    const reader = wireReader(bytes);
    while (!reader.atEnd()) {
      const start = bytes.byteOffset + reader.position();
      const { field, wireType } = reader.tag();
      const known = fields.get(field);
      if (known !== undefined && wireType === known.wireType) {
        known.check(reader, misfits);
      } else {
        if (known !== undefined) misfits.push(start);
        reader.skip(field, wireType, 0);
      }
    }
  };
}

/** What a known field must be. */
interface FieldChecker {
  readonly wireType: number;
  /** Passes over the value; throws if it is not valid. */
  check(reader: WireReader, misfits: number[]): void;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function fieldChecker(field: Field): FieldChecker {
  const { type, resolvedType } = field.resolve();
  if (field.repeated || field.map || field.id >= UNKNOWN_FIELD) throw unknownType(field);
  if (type === "int32") return { wireType: VARINT, check: (reader) => reader.skip(0, VARINT, 0) };
  if (type === "string") {
    return {
      wireType: LENGTH,
      check: (reader) => {
        const text = reader.bytes();
        // Most names are ASCII, and a call into the decoder costs more than to look.
        if (!isAscii(text)) strictText(text);
      },
    };
  }
  if (resolvedType === null || !("fieldsArray" in resolvedType)) throw unknownType(field);
  const check = messageCheck(resolvedType);
  return { wireType: LENGTH, check: (reader, misfits) => check(reader.bytes(), misfits) };
}

function unknownType({ fullName, id, type }: Field): Error {
  return new Error(`strict decoding does not know ${fullName} = ${id} of type ${type}`);
}

/**
 * The text of a string field.
 *
 * @throws {TypeError} if it is not valid UTF-8
 */
export function strictText(bytes: Uint8Array): string {
  return utf8.decode(bytes);
}

/**
 * The values of those fields of a message whose values are strings, bytes or messages.
 *
 * @param known the numbers of these fields; all others are passed over
 * @returns for each of them, in their order, what there is
 * @throws {Error} if the bytes are not a message in which they have such values
 */
export function lengthFields(
  bytes: Uint8Array,
  known: readonly number[],
): Readonly<Record<number, readonly Uint8Array[]>> {
  const values: Record<number, Uint8Array[]> = {};
  for (const field of known) values[field] = [];
  const reader = wireReader(bytes);
  while (!reader.atEnd()) {
    const { field, wireType } = reader.tag();
    const list = values[field];
    if (list === undefined) reader.skip(field, wireType, 0);
    else if (wireType === LENGTH) list.push(reader.bytes());
    else throw new Error(`field ${field} has the wire type ${wireType}`);
  }
  return values;
}

function isAscii(bytes: Uint8Array): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i]! >= 0x80) return false;
  return true;
}

interface WireReader {
  atEnd(): boolean;
  /** How many bytes have been read. */
  position(): number;
  tag(): { field: number; wireType: number };
  /** A length and as many bytes. */
  bytes(): Uint8Array;
  /** Passes over the value of an unknown field. */
  skip(field: number, wireType: number, depth: number): void;
}

function wireReader(buffer: Uint8Array): WireReader {
  let at = 0;

  function varint(): number {
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (at >= buffer.length) throw new Error("truncated varint");
      const byte = buffer[at++]!;
      // Lengths and tags have 32 bits at most; of larger values only the end has to be found.
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new Error("varint of more than ten bytes");
  }

  function advance(count: number): void {
    if (count > buffer.length - at) throw new Error("truncated field");
    at += count;
  }

  function tag() {
    const value = varint();
    const field = Math.floor(value / 8);
    if (field < 1 || field >= 2 ** 29) throw new Error(`invalid field number ${field}`);
    return { field, wireType: value % 8 };
  }

  function skip(field: number, wireType: number, depth: number): void {
    switch (wireType) {
      case VARINT:
        return void varint();
      case FIXED64:
        return advance(8);
      case LENGTH:
        return advance(varint());
      case FIXED32:
        return advance(4);
      case GROUP_START:
        return skipGroup(field, depth + 1);
      default:
        throw new Error(`invalid wire type ${wireType}`);
    }
  }

  function skipGroup(group: number, depth: number): void {
    if (depth > MAX_GROUP_DEPTH) throw new Error("groups nested too deeply");
    while (true) {
      const { field, wireType } = tag();
      if (wireType === GROUP_END) {
        if (field !== group) throw new Error("mismatched end of a group");
        return;
      }
      skip(field, wireType, depth);
    }
  }

  return {
    atEnd: () => at >= buffer.length,
    position: () => at,
    tag,
    bytes: () => {
      const length = varint();
      const start = at;
      advance(length);
      return buffer.subarray(start, at);
    },
    skip,
  };
}
