/** The static table of HPACK, and what both dynamic tables have in common: RFC 7541, sections 2.3 and 4. */
import { Field, kindOf } from "./fields.ts";
import { MAX_TABLE_BYTES } from "./limits.ts";

/** RFC 7541, appendix A, in its order; a value stands behind "=". */
const ENTRIES = ":authority :method=GET :method=POST :path=/ :path=/index.html :scheme=http " +
  ":scheme=https :status=200 :status=204 :status=206 :status=304 :status=400 :status=404 " +
  ":status=500 accept-charset accept-encoding=gzip,_deflate accept-language accept-ranges accept " +
  "access-control-allow-origin age allow authorization cache-control content-disposition " +
  "content-encoding content-language content-length content-location content-range content-type " +
  "cookie date etag expect expires from host if-match if-modified-since if-none-match if-range " +
  "if-unmodified-since last-modified link location max-forwards proxy-authenticate " +
  "proxy-authorization range referer refresh retry-after server set-cookie " +
  "strict-transport-security transfer-encoding user-agent vary via www-authenticate";

/** The static table; index 1 is the first. */
export const STATIC_FIELDS: readonly Field[] = ENTRIES.split(" ").map((entry) => {
  const [name, value = ""] = entry.split("=") as [string, string?];
  return new Field(name, value.replace("_", " "), kindOf(name));
});

export const STATIC_COUNT = 61;

/**
 * A table of what was sent last, with a size in bytes. Entries have numbers that are counted up for
 * ever: those of the newest is `inserted - 1`.
 */
export class DynamicTable<T extends { readonly size: number }> {
  /** The number of the next entry. */
  inserted = 0;
  /** How many entries there are. */
  count = 0;
  private size = 0;
  private readonly ring: (T | undefined)[] = [];

  /** @param onEvict takes what falls out of the table */
  constructor(private readonly onEvict: (entry: T, number: number) => void = () => {}) {}

  /** The largest size: RFC 7541, section 4.2. */
  max: number = MAX_TABLE_BYTES;

  /** The entry of such a number, which has to be in the table. */
  get(number: number): T {
    return this.ring[number & RING_MASK]!;
  }

  /** Adds an entry, or empties the table where it has no room for it: RFC 7541, section 4.4. */
  insert(entry: T): void {
    if (entry.size > this.max) return this.evict(0);
    this.evict(this.max - entry.size);
    this.ring[this.inserted++ & RING_MASK] = entry;
    this.count++;
    this.size += entry.size;
  }

  /** Removes the oldest entries until no more than so many bytes are left: RFC 7541, section 4.3. */
  evict(bytes: number): void {
    while (this.size > bytes) {
      const number = this.inserted - this.count--;
      const entry = this.ring[number & RING_MASK]!;
      this.ring[number & RING_MASK] = undefined;
      this.size -= entry.size;
      this.onEvict(entry, number);
    }
  }
}

/** Each entry has 32 bytes at least (RFC 7541, section 4.1), so that no more than 128 are there. */
const RING_MASK = MAX_TABLE_BYTES / 32 - 1;
