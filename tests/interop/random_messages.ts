/** Requests of GetUser at random: valid ones, and what bugs and attackers make of them. */
import { Buffer } from "node:buffer";
import { randomNumbers } from "../support/random.ts";

const NAMES = [
  ...["Alice", "Ж", "", " ", "\u0000", "\ufeffAlice", "😀👩‍🚀", "a".repeat(33), "ж".repeat(256)],
  ...["x".repeat(257), "中".repeat(100), "\u2028", "ﷺ".repeat(300)],
].map((name) => [...Buffer.from(name)]);

/** Not UTF-8: cut short, overlong, a surrogate, above U+10FFFF, a byte that never occurs. */
const NOT_UTF8 = [
  ...[[0xd0], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xff], [0x80]],
  ...[[0xe0, 0x80, 0xaf], [0xf0, 0x9f, 0x98]],
];

const FIELDS = [1, 1, 1, 1, 2, 3, 15, 16, 2047, 2 ** 29 - 1];
const VARINT = 0, LENGTH = 2, GROUP = 3, GROUP_END = 4, WIRE_TYPES = 8;

/**
 * Makes messages without end.
 *
 * @param seed an integer; the same one makes the same messages
 */
export function* randomMessages(seed: number): Generator<Buffer> {
  const { chance, below, message, mutated } = sources(randomNumbers(seed));
  while (true) {
    const bytes = message();
    if (chance(0.4)) yield bytes;
    else if (chance(0.3)) yield bytes.subarray(0, below(bytes.length + 1));
    else yield mutated(bytes);
  }
}

function sources(random: () => number) {
  const below = (end: number) => Math.floor(random() * end);
  const chance = (share: number) => random() < share;
  const oneOf = <T>(list: readonly T[]) => list[below(list.length)]!;
  const randomBytes = (count: number) => Array.from({ length: count }, () => below(256));
  const list = (most: number, make: () => number[]) =>
    Array.from({ length: below(most + 1) }, make).flat();

  /** A varint, now and then of more bytes than it needs, or of more than there may be. */
  function varint(value: bigint): number[] {
    const bytes = [];
    for (let rest = value; bytes.length === 0 || rest > 0n; rest >>= 7n) {
      bytes.push(Number(rest & 0x7fn));
    }
    if (chance(0.05)) bytes.push(...Array(below(12 - bytes.length)).fill(0));
    return bytes.map((byte, i) => i < bytes.length - 1 ? byte | 0x80 : byte);
  }

  function tag(field: number, wireType: number): number[] {
    return varint(BigInt(field) * 8n + BigInt(wireType));
  }

  /** A length and as many bytes, but for a few. */
  function delimited(bytes: number[]): number[] {
    const more = chance(0.03) ? oneOf([1n, -1n, 2n ** 31n, 2n ** 32n, 2n ** 63n]) : 0n;
    const length = BigInt(bytes.length) + more;
    return [...varint(length < 0n ? 0n : length), ...bytes];
  }

  function text(): number[] {
    const name = oneOf(NAMES);
    return chance(0.1) ? [...name, ...oneOf(NOT_UTF8), ...list(1, () => oneOf(NAMES))] : name;
  }

  function record(depth = 0): number[] {
    const field = chance(0.01) ? oneOf([0, 2 ** 29, 2 ** 31, 2 ** 40]) : oneOf(FIELDS);
    const wireType = chance(0.4) ? LENGTH : chance(0.03) ? below(WIRE_TYPES) : oneOf([0, 1, 3, 5]);
    return [...tag(field, wireType), ...value(field, wireType, depth)];
  }

  function value(field: number, wireType: number, depth: number): number[] {
    if (wireType === VARINT) return chance(0.05) ? tooLong() : varint(BigInt(below(2 ** 40)));
    if (wireType === LENGTH) return delimited(text());
    if (wireType !== GROUP) return randomBytes(wireType === 1 ? 8 : wireType === 5 ? 4 : 0);
    const inside = depth < 3 ? list(2, () => record(depth + 1)) : [];
    return [...inside, ...tag(chance(0.03) ? oneOf(FIELDS) : field, GROUP_END)];
  }

  /** A varint of nine bytes or more, with more bits than a number may have, or without end. */
  function tooLong(): number[] {
    return [...Array(oneOf([8, 9, 9, 10, 11, 20])).fill(0x80 | below(128)), below(128)];
  }

  function nestedGroups(): number[] {
    const depth = 90 + below(40);
    return [...Array(depth).fill(0x13), ...Array(depth).fill(0x14)];
  }

  function message(): Buffer {
    const records = list(3, record);
    const deep = chance(0.02) ? nestedGroups() : [];
    return Buffer.from([
      ...records,
      ...deep,
      ...tag(1, LENGTH),
      ...delimited(text()),
      ...list(2, record),
    ]);
  }

  function mutated(bytes: Buffer): Buffer {
    const changed = [...bytes];
    for (let times = 1 + below(3); times > 0; times--) {
      const at = below(changed.length + 1);
      const kept = oneOf([0, 1, 1]);
      changed.splice(at, kept, ...randomBytes(below(3)));
    }
    return Buffer.from(changed);
  }

  return { chance, below, message, mutated };
}
