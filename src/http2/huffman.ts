/** The Huffman code of HPACK. RFC 7541, section 5.2 and appendix B. */
import { Buffer } from "node:buffer";

/** How many bits the code of each byte has, in base 36: RFC 7541, appendix B. */
const LENGTHS = Array.from(
  "dnsssssssoussussssssssusssssssss6aacd68baa8b8666555666666678f6ca" +
    "d67777777777777777777777878djde6f56565666577666567655677777fbeds" +
    "kmkkmmmnmnnnnnonoomnonnnnlmnmnnomlkmmnnlnmmolmnnllmlnmnnkmmmnmmn" +
    "qqkjmnmpqqqrrqopjlqrrqrollqqsrrrkoklmllnmmppooqnqrqqrrrrrsrrrrrq",
  (digit) => parseInt(digit, 36),
);

/**
 * The tree of the codes, a byte a step. An entry above 0 is the next node, one below 0 a symbol:
 * -(symbol * 16 + how many bits of its last byte belong to it) - 1. Codes of the padding are 0.
 */
const TREE = buildTree();

function buildTree(): Int32Array[] {
  const nodes = [new Int32Array(256)];
  // The code is canonical: sorted by length, then by symbol, each is the next number.
  const symbols = LENGTHS.map((_, symbol) => symbol)
    .sort((a, b) => LENGTHS[a]! - LENGTHS[b]! || a - b);
  let code = 0, bits = LENGTHS[symbols[0]!]!;
  for (const symbol of symbols) {
    code <<= LENGTHS[symbol]! - bits;
    bits = LENGTHS[symbol]!;
    addCode(nodes, symbol, code++, bits);
  }
  return nodes;
}

function addCode(nodes: Int32Array[], symbol: number, code: number, bits: number): void {
  let node = nodes[0]!;
  while (bits > 8) {
    bits -= 8;
    const byte = (code >>> bits) & 0xff;
    if (node[byte] === 0) node[byte] = nodes.push(new Int32Array(256)) - 1;
    node = nodes[node[byte]!]!;
  }
  const first = (code << (8 - bits)) & 0xff;
  node.fill(-(symbol << 4 | bits) - 1, first, first + (1 << (8 - bits)));
}

/** Where strings are decoded; only ever the last one is in it. */
let scratch = Buffer.allocUnsafeSlow(1024);

/** Decodes a string; undefined if it is none: RFC 7541, section 5.2. */
export function decodeHuffman(bytes: Uint8Array, from: number, to: number): string | undefined {
  // The shortest codes have five bits.
  if (scratch.length * 5 < (to - from) * 8) scratch = Buffer.allocUnsafeSlow((to - from) * 2);
  let length = 0, node = TREE[0]!;
  // What has not been decoded, and how many bits of it; how many since the last symbol.
  let rest = 0, bits = 0, pending = 0;
  for (let at = from; at < to || bits > 0;) {
    if (bits < 8 && at < to) {
      rest = (rest << 8 | bytes[at++]!) & 0xffff;
      bits += 8;
      pending += 8;
    }
    const isLast = bits < 8;
    const entry = node[(isLast ? rest << (8 - bits) : rest >>> (bits - 8)) & 0xff]!;
    if (entry < 0) {
      const used = (-entry - 1) & 15;
      if (used > bits) break;
      scratch[length++] = (-entry - 1) >>> 4;
      pending = bits -= used;
      node = TREE[0]!;
    } else if (isLast) break;
    else if (entry === 0) return undefined;
    else {
      bits -= 8;
      node = TREE[entry]!;
    }
  }
  const mask = (1 << bits) - 1;
  // What is left is padding: less than a byte of ones.
  if (pending > 7 || (rest & mask) !== mask) return undefined;
  return scratch.toString("latin1", 0, length);
}
