/** Messages as they come on the wire, for the tests of usersvc and of its peers. */
import { Buffer } from "node:buffer";
import { grpcMessage } from "./frames.ts";

/** A message with its prefix. */
export const frame = (message: readonly number[] | Uint8Array, flag = 0): Buffer =>
  grpcMessage(Buffer.from(message), message.length, flag);

/** A request of GetUser, and what grpc-go and grpcio answer it. */
export interface WireCase {
  readonly what: string;
  readonly bytes: Buffer;
  /** The name that is in it; undefined where it is no valid message. */
  readonly name?: string;
  /** The status of one that is not, INTERNAL if it is not given. */
  readonly status?: string;
}

const ALICE = [0x0a, 0x05, ...Buffer.from("Alice")];

/** A field 1 of another wire type than a string has. */
const misfits: WireCase[] = [
  ["a number", [0x08, 0x01]],
  ["a number that looks like a length", [0x08, 0x05]],
  ["eight bytes", [0x09, 1, 2, 3, 4, 5, 6, 7, 8]],
  ["four bytes", [0x0d, 1, 2, 3, 4]],
  ["a group", [0x0b, 0x0a, 1, 0x42, 0x0c]],
  ["a number whose tag is longer than need be", [0x88, 0x00, 0x01]],
].flatMap(([what, bytes]) => [
  { what: `${what} where the string should be`, bytes: frame(bytes as number[]), name: "" },
  {
    what: `${what} before the string`,
    bytes: frame([...bytes as number[], ...ALICE]),
    name: "Alice",
  },
  {
    what: `${what} after the string`,
    bytes: frame([...ALICE, ...bytes as number[]]),
    name: "Alice",
  },
]);

/** Requests of GetUser, valid and not. */
export const wireCases: readonly WireCase[] = [
  { what: "a valid message", bytes: frame(ALICE), name: "Alice" },
  {
    what: "unknown fields of every kind",
    bytes: frame([
      ...ALICE,
      ...[0x10, 1],
      ...[0x19, 1, 2, 3, 4, 5, 6, 7, 8],
      ...[0x22, 1, 9],
      ...[0x2d, 1, 2, 3, 4],
    ]),
    name: "Alice",
  },
  { what: "an unknown group", bytes: frame([...ALICE, 0x13, 0x18, 1, 0x14]), name: "Alice" },
  { what: "the string twice", bytes: frame([0x0a, 1, 0x42, ...ALICE]), name: "Alice" },
  { what: "no field", bytes: frame([]), name: "" },
  ...misfits,
  { what: "a compressed flag without grpc-encoding", bytes: frame(ALICE, 1) },
  { what: "bytes that are not protobuf", bytes: frame([0xff, 0xff, 0xff]) },
  { what: "a truncated string", bytes: frame([0x0a, 0x7f, 0x41]) },
  { what: "a truncated number where the string should be", bytes: frame([0x08, 0x80]) },
  { what: "the end of a group where the string should be", bytes: frame([0x0c]) },
  { what: "the wire type 6 where the string should be", bytes: frame([0x0e, 0x01, 0x41]) },
  { what: "the wire type 7 where the string should be", bytes: frame([0x0f, 0x01, 0x41]) },
  { what: "a string that is not UTF-8", bytes: frame([0x0a, 0x02, 0xc3, 0x28]) },
  { what: "field number 0", bytes: frame([0x02, 0x01, 0x41]) },
  { what: "a varint without end", bytes: frame([...ALICE, 0x10, ...Array(11).fill(0x80)]) },
  { what: "a group without end", bytes: frame([...ALICE, 0x13]) },
  { what: "the end of another group", bytes: frame([...ALICE, 0x13, 0x1c]) },
  { what: "groups nested without end", bytes: frame([...ALICE, ...Array(100_000).fill(0x13)]) },
  { what: "a message of 4 MiB + 1", bytes: frame(Buffer.alloc(4 * 1024 * 1024 + 1)), status: "8" },
];
