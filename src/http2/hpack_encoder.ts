/** Encodes blocks of headers, without Huffman's code. RFC 7541, sections 3 and 6. */
import { Buffer } from "node:buffer";
import { DynamicTable, STATIC_COUNT, STATIC_FIELDS } from "./hpack_table.ts";
import { MAX_TABLE_BYTES } from "./limits.ts";

/** Headers as their owner has them. */
export type OutgoingHeaders = Record<string, string | number | readonly string[] | undefined>;

/** Static indexes of a name and value, and of a name. */
const STATIC_BY_FIELD = new Map(
  STATIC_FIELDS.map(({ name, value }, at) => [`${name}\0${value}`, at + 1]),
);
const STATIC_BY_NAME = new Map(
  STATIC_FIELDS.map(({ name }, at) => [name, at + 1] as const).reverse(),
);

/** Secrets, which no table of a proxy is to hold: RFC 7541, section 7.1. */
const NEVER_INDEXED = /^(?:authorization|proxy-authorization|cookie|set-cookie)$/;
const MAX_INDEXED_BYTES = 256;
/** Of how many names the last value is known. */
const MAX_NAMES = 64;
/** RFC 7541, section 6.2.3. */
const NEVER_INDEXED_FLAG = 0x10;

const NOT_IN_FIELDS = /[\0\r\n\u0100-\uffff]/;

/** How many blocks are kept, and how large they may be. */
const CACHED_BLOCKS = 4, MAX_CACHED_BYTES = 512;

interface Entry {
  readonly key: string;
  readonly name: string;
  readonly size: number;
}

/** A block that changed no table: it stays right as long as the table stays as it is. */
interface CachedBlock {
  readonly names: readonly string[];
  readonly values: readonly unknown[];
  readonly bytes: Buffer;
  /** How many entries the table had got by then. */
  readonly inserted: number;
}

/** Encodes the blocks of one direction of a connection. */
export class HpackEncoder {
  private readonly byField = new Map<string, number>();
  private readonly byName = new Map<string, number>();
  private readonly table = new DynamicTable<Entry>(({ key, name }, number) => {
    if (this.byField.get(key) === number) this.byField.delete(key);
    if (this.byName.get(name) === number) this.byName.delete(name);
  });
  /** The smallest size since the last block, where the peer has changed it. */
  private resizedTo: number | undefined;
  /** The last value of a name that was not put into the table. */
  private readonly lastValues = new Map<string, string>();
  private readonly cache: CachedBlock[] = [];
  private turn = 0;
  /** Whether the same headers make the same block the next time. */
  private isFixed = true;
  private buffer = Buffer.allocUnsafeSlow(MAX_CACHED_BYTES);
  private at = 0;

  /** Takes what the peer allows by SETTINGS_HEADER_TABLE_SIZE: RFC 7541, section 4.2. */
  resize(bytes: number): void {
    const max = Math.min(bytes, MAX_TABLE_BYTES);
    if (max === this.table.max) return;
    this.resizedTo = Math.min(this.resizedTo ?? max, max);
    this.table.max = max;
    this.table.evict(max);
    this.cache.length = this.turn = 0;
  }

  /**
   * Encodes a block. What it returns is good until the next call.
   *
   * @throws {TypeError} if a name or value has a character that no field has
   */
  encode(headers: OutgoingHeaders): Buffer {
    const { cache, table } = this;
    for (let i = 0; i < cache.length; i++) {
      const block = cache[i]!;
      if (block.inserted === table.inserted && isOf(block, headers)) return block.bytes;
    }
    this.at = 0;
    this.sendResize();
    const { inserted } = table;
    this.isFixed = this.at === 0;
    const names = Object.keys(headers), values = names.map((name) => headers[name]);
    // Pseudo-header fields come first: RFC 9113, section 8.3.
    names.forEach((name, i) => name.startsWith(":") && this.fields(name, values[i]));
    names.forEach((name, i) => name.startsWith(":") || this.fields(name.toLowerCase(), values[i]));
    const bytes = this.buffer.subarray(0, this.at);
    const isKept = this.isFixed && inserted === table.inserted && bytes.length <= MAX_CACHED_BYTES;
    if (isKept && values.every((value) => typeof value !== "object")) {
      cache[this.turn++ % CACHED_BLOCKS] = { names, values, bytes: Buffer.from(bytes), inserted };
    }
    return bytes;
  }

  private sendResize(): void {
    if (this.resizedTo === undefined) return;
    const { max } = this.table;
    if (this.resizedTo < max) this.integer(0x20, 0x1f, this.resizedTo);
    this.integer(0x20, 0x1f, max);
    this.resizedTo = undefined;
  }

  private fields(name: string, value: OutgoingHeaders[string]): void {
    if (value === undefined) return;
    if (typeof value === "object") { for (const one of value) this.field(name, one); }
    else this.field(name, String(value));
  }

  private field(name: string, value: string): void {
    const key = `${name}\0${value}`;
    const fixed = STATIC_BY_FIELD.get(key);
    if (fixed !== undefined) return this.integer(0x80, 0x7f, fixed);
    const found = this.byField.get(key);
    if (found !== undefined) return this.integer(0x80, 0x7f, this.indexOf(found));
    if (NOT_IN_FIELDS.test(key.replace("\0", ""))) {
      throw new TypeError(`the header ${name} has a character that no header may have`);
    }
    const named = this.byName.get(name);
    const nameIndex = STATIC_BY_NAME.get(name) ?? (named === undefined ? 0 : this.indexOf(named));
    const size = name.length + value.length + 32;
    const isSecret = NEVER_INDEXED.test(name);
    const isIndexed = !isSecret && value.length <= MAX_INDEXED_BYTES && size <= this.table.max &&
      this.isRepeated(name, value);
    if (isIndexed) this.integer(0x40, 0x3f, nameIndex);
    else this.integer(isSecret ? NEVER_INDEXED_FLAG : 0, 0x0f, nameIndex);
    if (nameIndex === 0) this.text(name);
    this.text(value);
    if (isIndexed) this.insert({ key, name, size });
  }

  /** What differs from call to call would push out of the table what is worth its place. */
  private isRepeated(name: string, value: string): boolean {
    if (this.lastValues.get(name) === value) return true;
    if (this.lastValues.size >= MAX_NAMES) this.lastValues.clear();
    this.lastValues.set(name, value);
    this.isFixed = false;
    return false;
  }

  private insert(entry: Entry): void {
    this.table.insert(entry);
    const number = this.table.inserted - 1;
    this.byField.set(entry.key, number);
    this.byName.set(entry.name, number);
  }

  private indexOf(number: number): number {
    return STATIC_COUNT + this.table.inserted - number;
  }

  private room(bytes: number): void {
    if (this.at + bytes <= this.buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(this.buffer.length * 2, this.at + bytes));
    this.buffer.copy(larger, 0, 0, this.at);
    this.buffer = larger;
  }

  /** RFC 7541, section 5.1. */
  private integer(flag: number, mask: number, value: number): void {
    this.room(6);
    if (value < mask) {
      this.buffer[this.at++] = flag | value;
      return;
    }
    this.buffer[this.at++] = flag | mask;
    for (value -= mask; value >= 0x80; value >>>= 7) {
      this.buffer[this.at++] = value & 0x7f | 0x80;
    }
    this.buffer[this.at++] = value;
  }

  private text(text: string): void {
    this.integer(0, 0x7f, text.length);
    this.room(text.length);
    this.at += this.buffer.write(text, this.at, text.length, "latin1");
  }
}

function isOf({ names, values }: CachedBlock, headers: OutgoingHeaders): boolean {
  let at = 0;
  for (const name in headers) {
    if (names[at] !== name || values[at] !== headers[name]) return false;
    at++;
  }
  return at === names.length;
}
