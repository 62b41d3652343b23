/** Decodes blocks of headers. RFC 7541, sections 3 and 6. */
import { Buffer } from "node:buffer";
import { Field, kindOf, MALFORMED } from "./fields.ts";
import { COMPRESSION_ERROR, ConnectionError } from "./frames.ts";
import { DynamicTable, STATIC_COUNT, STATIC_FIELDS } from "./hpack_table.ts";
import { decodeHuffman } from "./huffman.ts";
import { MAX_TABLE_BYTES } from "./limits.ts";

/**
 * The longest code has 30 bits: a string that is longer than this when coded is longer than the table
 * when decoded, so that nothing of it can be needed again.
 */
const NEVER_IN_TABLE_BYTES = MAX_TABLE_BYTES * 30 / 8;
/** Longer ones are not remembered: see {@linkcode HpackDecoder.repeated}. */
const MAX_REMEMBERED_BYTES = 128;

const NOTHING: Buffer = Buffer.alloc(0);

/** Decodes the blocks of one direction of a connection, as they come. */
export class HpackDecoder {
  /** The fields of the last block; used again for the next. */
  readonly fields: Field[] = [];
  /** Whether the block has more than was allowed. What is beyond is decoded, and not kept. */
  isTooLarge = false;
  private readonly table = new DynamicTable<Field>();
  private listBytes = 0;
  private hasFields = false;
  // What is decoded now.
  private bytes: Buffer = NOTHING;
  private at = 0;
  private to = 0;
  /** A field whose end has not come, and how many bytes of it have to come before it is looked at again. */
  private rest: Buffer[] = [];
  private restBytes = 0;
  private needed = 0;
  private fieldFrom = 0;
  /** How much of a string that is too long has not come, and whether another follows it. */
  private skipping = 0;
  private valueFollows = false;
  private readonly maxStringBytes: number;
  /** By static index, the last field that no table has, with its value as it came. */
  private readonly last: ({ readonly raw: Buffer; readonly field: Field } | undefined)[] = [];

  /**
   * @param maxListBytes how large a list of headers may be: RFC 9113, section 6.5.2
   * @param maxFields how many fields it may have
   */
  constructor(private readonly maxListBytes: number, private readonly maxFields: number) {
    this.maxStringBytes = Math.max(maxListBytes, NEVER_IN_TABLE_BYTES);
  }

  /** Begins with a block. */
  begin(): void {
    this.fields.length = 0;
    this.isTooLarge = this.hasFields = false;
    this.listBytes = 0;
  }

  /**
   * Decodes a part of a block.
   *
   * @throws {ConnectionError} if it cannot be decoded: RFC 9113, section 4.3
   */
  decode(bytes: Buffer, from: number, to: number): void {
    if (this.restBytes > 0) {
      this.rest.push(bytes.subarray(from, to));
      this.restBytes += to - from;
      if (this.restBytes < this.needed) return;
      bytes = Buffer.concat(this.rest, this.restBytes);
      from = this.restBytes = 0;
      to = bytes.length;
      this.rest = [];
    }
    this.bytes = bytes;
    this.at = from;
    this.to = to;
    while (this.at < to) {
      if (this.skipping > 0) this.skip();
      else {
        const start = this.fieldFrom = this.at;
        this.needed = 0;
        const isWhole = this.valueFollows ? this.skippedValue() : this.field();
        if (isWhole) continue;
        this.rest = [Buffer.from(bytes.subarray(start, to))];
        this.restBytes = to - start;
        break;
      }
    }
    this.bytes = NOTHING;
  }

  /**
   * Ends a block.
   *
   * @throws {ConnectionError} if a field of it is not complete
   */
  end(): void {
    if (this.restBytes > 0 || this.skipping > 0 || this.valueFollows) throw wrong("cut short");
  }

  /** Decodes a field or a change of the table; returns false if its end has not come. */
  private field(): boolean {
    const byte = this.bytes[this.at]!;
    if (byte & 0x80) {
      const index = this.integer(0x7f);
      if (index < 0) return false;
      this.add(this.get(index));
    } else if (byte & 0x40) {
      const field = this.literal(0x3f);
      if (field === undefined) return false;
      // A field that was skipped is larger than the table.
      if (this.skipping > 0 || this.valueFollows) this.table.evict(0);
      else {
        this.table.insert(field);
        this.add(field);
      }
    } else if (byte & 0x20) return this.resize();
    else {
      const field = this.literal(0x0f);
      if (field === undefined) return false;
      if (this.skipping === 0 && !this.valueFollows) this.add(field);
    }
    this.hasFields = true;
    return true;
  }

  private add(field: Field): void {
    this.listBytes += field.size;
    if (this.listBytes > this.maxListBytes || this.fields.length >= this.maxFields) {
      this.isTooLarge = true;
    } else this.fields.push(field);
  }

  /** RFC 7541, sections 4.2 and 6.3. */
  private resize(): boolean {
    const max = this.integer(0x1f);
    if (max < 0) return false;
    if (this.hasFields || max > MAX_TABLE_BYTES) throw wrong("changes the table");
    this.table.max = max;
    this.table.evict(max);
    return true;
  }

  private get(index: number): Field {
    if (index > 0 && index <= STATIC_COUNT) return STATIC_FIELDS[index - 1]!;
    const back = index - STATIC_COUNT;
    if (index === 0 || back > this.table.count) throw wrong(`has no field ${index}`);
    return this.table.get(this.table.inserted - back);
  }

  /** RFC 7541, section 6.2. What is too long is skipped: the field that is returned is nothing then. */
  private literal(mask: number): Field | undefined {
    const index = this.integer(mask);
    if (index < 0) return undefined;
    if (mask === 0x0f && index > 0 && index <= STATIC_COUNT) return this.repeated(index);
    let name = "", kind = MALFORMED;
    if (index > 0) ({ name, nameKind: kind } = this.get(index));
    else {
      const text = this.text();
      if (text === undefined) return undefined;
      if (this.skipping > 0) this.valueFollows = true;
      else {
        name = text;
        kind = kindOf(name);
      }
    }
    const value = this.valueFollows ? "" : this.text();
    return value === undefined ? undefined : new Field(name, value, kind);
  }

  /**
   * Many peers put `:path` and `content-length` into no table, so that the same ones come with each
   * call. To compare the bytes costs less than to decode them.
   */
  private repeated(index: number): Field | undefined {
    const { bytes, at } = this;
    const last = this.last[index];
    if (last !== undefined) {
      const { raw, field } = last;
      const end = at + raw.length;
      if (end <= this.to) {
        let i = 0;
        while (i < raw.length && bytes[at + i] === raw[i]) i++;
        if (i === raw.length) {
          this.at = end;
          return field;
        }
      }
    }
    const { name, nameKind } = STATIC_FIELDS[index - 1]!;
    const value = this.text();
    if (value === undefined) return undefined;
    const field = new Field(name, value, nameKind);
    if (this.skipping === 0 && this.at - at <= MAX_REMEMBERED_BYTES) {
      this.last[index] = { raw: Buffer.from(bytes.subarray(at, this.at)), field };
    }
    return field;
  }

  /**
   * A string: RFC 7541, section 5.2. One that is too long is skipped from here on.
   *
   * @returns undefined if its end has not come
   */
  private text(): string | undefined {
    const { bytes } = this;
    if (this.at >= this.to) return undefined;
    const isCoded = (bytes[this.at]! & 0x80) !== 0;
    const length = this.integer(0x7f);
    if (length < 0) return undefined;
    const from = this.at, end = from + length;
    if (end - this.fieldFrom > this.maxStringBytes) {
      this.isTooLarge = true;
      this.skipping = length;
      this.hasFields = true;
      return "";
    }
    if (end > this.to) {
      this.needed = end - this.fieldFrom;
      return undefined;
    }
    this.at = end;
    const text = isCoded ? decodeHuffman(bytes, from, end) : latin1(bytes, from, end);
    if (text === undefined) throw wrong("has a string with a wrong code");
    return text;
  }

  private skip(): void {
    const length = Math.min(this.skipping, this.to - this.at);
    this.skipping -= length;
    this.at += length;
  }

  private skippedValue(): boolean {
    if (this.text() === undefined) return false;
    this.valueFollows = false;
    return true;
  }

  /** An integer: RFC 7541, section 5.1; -1 if its end has not come. */
  private integer(mask: number): number {
    const { bytes, to } = this;
    let { at } = this;
    let value = bytes[at++]! & mask;
    if (value === mask) {
      for (let shift = 0;; shift += 7) {
        if (at >= to) return -1;
        if (shift > 21) throw wrong("has a number that is too large");
        const byte = bytes[at++]!;
        value += (byte & 0x7f) << shift;
        if (byte < 0x80) break;
      }
    }
    this.at = at;
    return value;
  }
}

/** A call of `toString` takes longer than to make a short string by hand. */
function latin1(bytes: Buffer, from: number, to: number): string {
  if (to - from > 12) return bytes.toString("latin1", from, to);
  let text = "";
  for (let at = from; at < to; at++) text += String.fromCharCode(bytes[at]!);
  return text;
}

function wrong(what: string): ConnectionError {
  return new ConnectionError(COMPRESSION_ERROR, `a block of headers ${what}`);
}
