/**
 * HPACK against that of golang.org/x/net: a million fields through each encoder and the other's
 * decoder, and blocks that are none.
 *
 * Usage: deno task test:fuzz, or deno test -A tests/http2/fuzz/hpack_test.ts -- SEED [COUNT].
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { ConnectionError } from "../../../src/http2/frames.ts";
import { HpackDecoder } from "../../../src/http2/hpack_decoder.ts";
import { HpackEncoder, type OutgoingHeaders } from "../../../src/http2/hpack_encoder.ts";
import { replay } from "./corpus.ts";
import { goTest, type Reader, u32, withLength } from "./go_peer.ts";
import { type Choices, choicesOf, forEachCase } from "./seeds.ts";

/** A million fields, half of them in either direction. */
const CASES = 2_700, BLOCKS = 20, MAX_FIELDS = 19;

const RESIZE = Buffer.of(1), BLOCK = Buffer.of(2);
const UNLIMITED = 1 << 24;

type Pair = readonly [name: string, value: string];

const NAMES =
  (":method :path :authority :status content-type content-length te user-agent cookie " +
    "authorization set-cookie grpc-timeout grpc-status grpc-message x-request-id x 0 12 date via")
    .split(" ");
const VALUES = "GET;POST;/;200;gzip, deflate;application/grpc;trailers;;0".split(";");
const SIZES = [0, 1, 31, 32, 33, 64, 100, 300, 1000, 4064, 4095, 4096, 4097, 65_536, 2 ** 32 - 1];

function name(choices: Choices): string {
  return choices.oneIn(4) ? `x-${choices.below(200)}` : choices.pick(NAMES);
}

function value(choices: Choices, isAnyByte = false): string {
  if (choices.oneIn(2)) return choices.pick(VALUES);
  if (choices.oneIn(2)) return `${choices.below(30)}`;
  const length = choices.below(choices.oneIn(50) ? 6000 : choices.oneIn(10) ? 300 : 20);
  const byte = () => choices.below(isAnyByte || choices.oneIn(3) ? 256 : 96);
  const bytes = Buffer.from(Array.from({ length }, byte));
  const text = bytes.toString("latin1");
  return isAnyByte ? text : text.replace(/[\0\r\n]/g, "_");
}

/** As `deepEqual`, which takes most of the time for a million fields that are the same. */
function assertSame(ours: Verdict, expected: Verdict): void {
  if (JSON.stringify(ours) !== JSON.stringify(expected)) assert.deepEqual(ours, expected);
}

function readFields(answer: Reader): Pair[] {
  return Array.from({ length: answer.u32() }, () => {
    const name = answer.bytes().toString("latin1");
    return [name, answer.bytes().toString("latin1")] as const;
  });
}

function outgoing(choices: Choices): OutgoingHeaders {
  const headers: Record<string, string | number | string[]> = {};
  for (let left = 1 + choices.below(MAX_FIELDS); left > 0; left--) {
    const key = name(choices);
    if (choices.oneIn(10)) headers[key] = [value(choices), value(choices)];
    else headers[key] = choices.oneIn(10) ? choices.below(1000) : value(choices);
  }
  return headers;
}

/** What has to arrive: pseudo-header fields come first. */
function pairsOf(headers: OutgoingHeaders): Pair[] {
  const pairs = Object.entries(headers).flatMap(([name, value]): Pair[] =>
    typeof value === "object" ? value.map((one) => [name, one]) : [[name, String(value)]]
  );
  const isPseudo = ([name]: Pair) => name.startsWith(":");
  return [...pairs.filter(isPseudo), ...pairs.filter((pair) => !isPseudo(pair))];
}

/** How many bytes a change of the table's size has that a block begins with. */
function lengthOfChange(block: Buffer): number {
  if ((block[0]! & 0xe0) !== 0x20) return 0;
  return (block[0]! & 0x1f) < 0x1f ? 1 : 2 + block.subarray(1).findIndex((byte) => byte < 0x80);
}

goTest("Go's decoder reads what our encoder writes, with tables of every size", async (go) => {
  let fields = 0;
  await forEachCase("hpack", CASES, async (choices) => {
    const encoder = new HpackEncoder();
    const question: Buffer[] = [];
    const expected: Pair[][] = [];
    let size = 4096;
    let headers = outgoing(choices);
    for (let block = 0; block < BLOCKS; block++) {
      const before = size;
      let smallest = size;
      while (choices.oneIn(4)) {
        size = choices.oneIn(2) ? choices.pick(SIZES) : choices.below(5000);
        smallest = Math.min(smallest, size);
        encoder.resize(size);
        question.push(RESIZE, u32(size));
      }
      if (!choices.oneIn(3)) headers = outgoing(choices);
      const bytes = Buffer.from(encoder.encode(headers));
      // RFC 7541, section 4.2: a table that has to become smaller says so first.
      if (before > 0 && smallest === 0) {
        assert.equal(bytes[0], 0x20, "the smallest size comes first");
      }
      // Go refuses the second of two changes, which RFC 7541, section 4.2, asks for: one block for each.
      const change = lengthOfChange(bytes);
      question.push(BLOCK, withLength(bytes.subarray(0, change)));
      question.push(BLOCK, withLength(bytes.subarray(change)));
      expected.push([], pairsOf(headers));
    }
    const answer = await go.ask("D", Buffer.concat(question));
    for (const pairs of expected) {
      const gos = goVerdict(answer);
      assertSame(gos, pairs);
      fields += pairs.length;
    }
  });
  console.log(`${fields} fields`);
});

/** Decodes a block that comes in parts. */
function decodeInParts(decoder: HpackDecoder, block: Buffer, choices: Choices): void {
  decoder.begin();
  const longest = Math.max(choices.pick([1, 10, 300, 16_384]), block.length >> 6);
  for (let at = 0; at < block.length;) {
    const some = block.subarray(at, at + 1 + choices.below(longest));
    // A copy with other bytes around it: nothing may be read beyond it.
    const part = Buffer.concat([Buffer.of(0xff), some, Buffer.of(0xff)]);
    decoder.decode(part, 1, part.length - 1);
    at += part.length - 2;
  }
  decoder.end();
}

const sizeOf = (pairs: readonly Pair[]) =>
  pairs.reduce((size, [name, value]) => size + name.length + value.length + 32, 0);

goTest("our decoder reads what Go's encoder writes, in any parts, too large or not", async (go) => {
  let fields = 0, tooLarge = 0;
  await forEachCase("hpack", CASES, async (choices) => {
    const question: Buffer[] = [];
    const blocks: Pair[][] = [];
    for (let block = 0; block < BLOCKS; block++) {
      while (choices.oneIn(4)) {
        question.push(RESIZE, u32(choices.oneIn(2) ? choices.pick(SIZES) : choices.below(5000)));
      }
      const pairs = Array.from({ length: choices.below(MAX_FIELDS + 1) }, (): Pair => {
        if (choices.oneIn(500)) return [name(choices), "long ".repeat(choices.below(20_000))];
        if (choices.oneIn(500)) return ["n".repeat(choices.below(20_000)), value(choices, true)];
        return [name(choices), value(choices, true)];
      });
      blocks.push(pairs);
      question.push(BLOCK, u32(pairs.length));
      for (const pair of pairs) {
        for (const text of pair) question.push(withLength(Buffer.from(text, "latin1")));
        question.push(Buffer.of(choices.below(2)));
      }
    }
    const answer = await go.ask("E", Buffer.concat(question));
    const maxBytes = choices.pick([200, 1000, 16_384, 65_536, UNLIMITED]);
    const maxFields = choices.pick([5, 128, UNLIMITED]);
    const decoder = new HpackDecoder(maxBytes, maxFields);
    for (const pairs of blocks) {
      decodeInParts(decoder, answer.bytes(), choices);
      const isTooLarge = pairs.length > maxFields || sizeOf(pairs) > maxBytes;
      assert.equal(decoder.isTooLarge, isTooLarge);
      const decoded = decoder.fields.map(({ name, value }): Pair => [name, value]);
      if (!isTooLarge) assertSame(decoded, pairs);
      assert.ok(sizeOf(decoded) <= maxBytes && decoded.length <= maxFields, "more was kept");
      fields += pairs.length;
      if (isTooLarge) tooLarge++;
    }
  });
  console.log(`${fields} fields, ${tooLarge} blocks too large`);
});

/** What becomes of a block: its fields, or why it is none. */
type Verdict = Pair[] | string;

function ourVerdict(decoder: HpackDecoder, block: Buffer, choices: Choices): Verdict {
  try {
    decodeInParts(decoder, block, choices);
  } catch (error) {
    if (error instanceof ConnectionError) return error.message;
    throw error;
  }
  return decoder.fields.map(({ name, value }): Pair => [name, value]);
}

function goVerdict(answer: Reader): Verdict {
  return answer.u8() === 1 ? readFields(answer) : answer.bytes().toString();
}

/** Where only one side takes a block, by what the other says; all else has to be the same. */
const DIFFERENCES: Readonly<Record<string, string>> = {
  "a block of headers changes the table":
    "Go lets the table be resized behind fields while it is empty; RFC 7541, 4.2: at the beginning",
  "a block of headers has a number that is too large":
    "Go reads up to ten bytes of a number, zeros too; RFC 7541, 5.1, leaves the limit open",
  "dynamic table size update MUST occur at the beginning of a header block":
    "Go refuses a second change at the beginning of a block; RFC 7541, 4.2, asks for two at times",
};

function compare(ours: Verdict, gos: Verdict, differences: Map<string, number>): void {
  if (typeof ours === typeof gos) {
    return typeof ours === "string" ? undefined : assertSame(ours, gos);
  }
  const error = typeof ours === "string" ? ours : String(gos);
  const known = Object.keys(DIFFERENCES).find((one) => error.endsWith(one));
  if (known === undefined) return assert.deepEqual(ours, gos);
  differences.set(known, (differences.get(known) ?? 0) + 1);
}

function integer(flags: number, mask: number, value: number, zeros = 0): Buffer {
  if (value < mask) return Buffer.of(flags | value);
  const bytes = [flags | mask];
  for (value -= mask; value >= 0x80 || zeros > 0; value = Math.floor(value / 0x80)) {
    bytes.push(value % 0x80 | 0x80);
    if (value < 0x80) zeros--;
  }
  return Buffer.from([...bytes, value]);
}

/** About the ends of prefixes, of the tables and of what is allowed. */
const NUMBERS = [0, 1, 2, 15, 30, 31, 61, 62, 63, 64, 70, 126, 127, 4096, 4097, 2 ** 28];

/** An index, and literals: RFC 7541, 6.1 and 6.2. */
const KINDS = [[0x80, 0x7f], [0x40, 0x3f], [0, 0x0f], [0x10, 0x0f]] as const;

/** Something of a block, right or nearly so. */
function element(choices: Choices): Buffer {
  const number = choices.pick(NUMBERS);
  const zeros = choices.oneIn(20) ? choices.below(10) : 0;
  const text = () => {
    const bytes = Buffer.from(Array.from({ length: choices.below(12) }, () => choices.below(256)));
    return Buffer.concat([integer(choices.pick([0, 0x80]), 0x7f, bytes.length), bytes]);
  };
  const [flags, mask] = choices.pick(KINDS);
  if (choices.oneIn(6)) return integer(0x20, 0x1f, number, zeros);
  if (flags === 0x80 || choices.oneIn(10)) return integer(flags, mask, number, zeros);
  const index = choices.oneIn(2) ? 0 : number;
  return Buffer.concat([
    integer(flags, mask, index, zeros),
    ...(index === 0 ? [text()] : []),
    text(),
  ]);
}

/** A block, right or not. */
function anyBlock(choices: Choices): Buffer {
  // Most are right, so that something stands in the table when one is wrong.
  const isRight = choices.oneIn(2);
  const block = Buffer.concat([
    isRight ? new HpackEncoder().encode(outgoing(choices)) : Buffer.alloc(0),
    ...Array.from({ length: choices.below(isRight ? 2 : 5) }, () => element(choices)),
  ]);
  if (block.length === 0 || choices.oneIn(2)) return block;
  block[choices.below(block.length)] = choices.below(256);
  return choices.oneIn(2) ? block.subarray(0, choices.below(block.length)) : block;
}

goTest("our decoder and Go's refuse the same blocks", async (go) => {
  const differences = new Map<string, number>();
  let refused = 0;
  const compareAll = async (blocks: Buffer[], choices: Choices) => {
    const question = blocks.flatMap((block) => [BLOCK, withLength(block)]);
    const answer = await go.ask("D", Buffer.concat(question));
    const decoder = new HpackDecoder(UNLIMITED, UNLIMITED);
    for (const block of blocks) {
      const ours = ourVerdict(decoder, block, choices), gos = goVerdict(answer);
      compare(ours, gos, differences);
      if (typeof ours === "string") refused++;
      if (typeof ours === "string" || typeof gos === "string") break;
    }
  };
  await replay("hpack", compareAll);
  await forEachCase(
    "hpack",
    CASES,
    (choices) => compareAll(Array.from({ length: BLOCKS }, () => anyBlock(choices)), choices),
  );
  console.log(`${refused} blocks refused; differences:`, Object.fromEntries(differences));
});

/** A block of one field, whose value has these bytes of Huffman's code. */
function codedBlock(code: Uint8Array): Buffer {
  return Buffer.concat([Buffer.of(0, 1, 0x78), integer(0x80, 0x7f, code.length), code]);
}

goTest("Huffman's code: every byte and pair of bytes, and what is none", async (go) => {
  const texts: Buffer[] = [];
  for (let one = 0; one < 256; one++) {
    texts.push(Buffer.of(one));
    for (let two = 0; two < 256; two++) texts.push(Buffer.of(one, two));
  }
  const coded = await go.ask("H", Buffer.concat(texts.map(withLength)));
  const choices = choicesOf(1);
  const decoder = new HpackDecoder(UNLIMITED, UNLIMITED);
  for (const text of texts) {
    const verdict = ourVerdict(decoder, codedBlock(coded.bytes()), choices);
    assert.deepEqual(verdict, [["x", text.toString("latin1")]]);
  }
  // Padding of every length and content, EOS, and codes that end within.
  const wrong: Buffer[] = [];
  for (let last = 0; last < 256; last++) {
    for (
      const before of [[], [0xff], [0xff, 0xff, 0xff], [0xff, 0xff, 0xff, 0xff], [0x1f], [0xf8]]
    ) {
      wrong.push(Buffer.of(...before, last));
    }
  }
  for (let i = 0; i < 20_000; i++) {
    const byte = () => choices.oneIn(3) ? 0xff : choices.below(256);
    wrong.push(Buffer.from(Array.from({ length: 1 + choices.below(8) }, byte)));
  }
  const counts = { taken: 0, refused: 0 };
  await Promise.all(wrong.map(async (code) => {
    const block = codedBlock(code);
    const gos = goVerdict(await go.ask("D", Buffer.concat([BLOCK, withLength(block)])));
    const ours = ourVerdict(new HpackDecoder(UNLIMITED, UNLIMITED), block, choices);
    assert.equal(typeof ours, typeof gos, `${code.toString("hex")}: ${ours}, Go: ${gos}`);
    if (typeof ours !== "string") assert.deepEqual(ours, gos);
    counts[typeof ours === "string" ? "refused" : "taken"]++;
  }));
  assert.ok(counts.taken > 1000 && counts.refused > 1000, JSON.stringify(counts));
});
