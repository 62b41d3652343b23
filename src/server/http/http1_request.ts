/** Requests of HTTP/1.1, read as RFC 9112 says; what could be understood in two ways is refused. */
import { Buffer } from "node:buffer";
import { isOneText } from "../../http2/fields.ts";
import { LIMITS } from "../limits.ts";
import { FIELD_OVERHEAD, type RequestHeaders } from "../received.ts";
import { bad, type Input, nextLine, RequestError, takeBytes, takeLine } from "./http1_input.ts";

/** The head of a request. */
export interface Head {
  readonly method: string;
  readonly target: string;
  readonly httpVersion: "1.0" | "1.1";
  /** By names in lower case; several of one name are an array, or one text as by HTTP/2. */
  readonly headers: RequestHeaders;
  /** Whether the client lets the connection go on after the answer. */
  readonly keepAlive: boolean;
  /** Whether the client waits for `100 Continue` before it sends its body. */
  readonly expectsContinue: boolean;
  /** The length of the body in bytes; Infinity where it comes in chunks. */
  readonly length: number;
}

/** The methods that somebody may have a reason to try; what answers a path allows some of them. */
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];

/** https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2 */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([\x21-\x7e]+) HTTP\/(\d)\.(\d)$/;
/** A path, or a URL whose scheme and host are named; or what OPTIONS asks of the server as a whole. */
const TARGET = /^(?:\/|[a-z][a-z0-9+.-]*:\/\/[^/?#])/i;
/** A name, an IPv4 address, an IPv6 address in brackets, or nothing; and a port. */
const HOST = /^(?:\[[0-9a-f:.]+\]|[-.~!$&'()*+,;=%\w]*)(?::\d*)?$/i;
const NOT_IN_VALUES = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * Reads the head of the next request.
 *
 * @returns undefined if the connection ends before it is there
 * @throws {RequestError} if it is not one, or is too large
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-3
 */
export async function readHead(input: Input): Promise<Head | undefined> {
  const line = await requestLine(input);
  if (line === undefined) return undefined;
  const [, method, target, major, minor] = REQUEST_LINE.exec(line) ?? [];
  if (method === undefined || target === undefined) {
    throw bad("the first line is not METHOD TARGET HTTP/1.1");
  }
  if (major !== "1") throw new RequestError(505, "HTTP/1.1 and HTTP/2 are served here");
  if (!METHODS.includes(method)) {
    throw new RequestError(501, `the methods are ${METHODS.join(", ")}`);
  }
  if (!TARGET.test(target) && !(target === "*" && method === "OPTIONS")) {
    throw bad("the target is neither a path nor a URL");
  }
  const fields = await readFields(input, LIMITS.headerBytes - line.length);
  return fields && headOf({ method, target, httpVersion: minor === "0" ? "1.0" : "1.1" }, fields);
}

/** Empty lines before it are those that old clients send behind a body. */
async function requestLine(input: Input): Promise<string | undefined> {
  for (let limit: number = LIMITS.headerBytes;; limit -= 2) {
    if (input.bytes.length === 0 && !await input.more()) return undefined;
    const first = String.fromCharCode(input.bytes[0]!);
    // Garbage is refused by its first byte: the end of its first line may never come.
    if (first !== "\r" && !TOKEN.test(first)) throw bad("no method begins with this");
    const line = await nextLine(input, limit);
    if (line !== "") return line;
  }
}

/** Reads fields to the empty line behind them. */
async function readFields(input: Input, limit: number): Promise<Map<string, string[]> | undefined> {
  const fields = new Map<string, string[]>();
  let left = limit;
  for (;;) {
    const line = takeLine(input, left) ?? await nextLine(input, left);
    if (line === undefined) return undefined;
    if (line === "") return fields;
    left -= line.length + FIELD_OVERHEAD;
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase();
    // Refused as well: a line that continues the one before, which begins with a space.
    if (!TOKEN.test(name)) throw bad("a header field has no valid name");
    const value = withoutSpaces(line.slice(colon + 1));
    if (NOT_IN_VALUES.test(value)) throw bad("a header field has a control character");
    const values = fields.get(name);
    if (values === undefined) fields.set(name, [value]);
    else values.push(value);
  }
}

/** Not by `trim`, which takes some bytes of UTF-8 for spaces, nor by a regular expression: slow on many spaces. */
function withoutSpaces(value: string): string {
  const isSpace = (index: number) => value[index] === " " || value[index] === "\t";
  let start = 0, end = value.length;
  while (start < end && isSpace(start)) start++;
  while (end > start && isSpace(end - 1)) end--;
  return value.slice(start, end);
}

function headOf(
  line: Pick<Head, "method" | "target" | "httpVersion">,
  fields: ReadonlyMap<string, readonly string[]>,
): Head {
  const [host = "", ...hosts] = fields.get("host") ?? [];
  const isHttp10 = line.httpVersion === "1.0";
  if (!isHttp10 && !fields.has("host")) throw bad("there is no Host");
  if (hosts.length > 0 || !HOST.test(host)) throw bad("the Host is not one name");
  const headers: Record<string, string | readonly string[]> = Object.create(null);
  for (const [name, values] of fields) {
    headers[name] = values.length === 1 || isOneText(name) ? values.join(", ") : values;
  }
  // An empty Host is valid, and HTTP/1.0 needs none: both mean this server.
  headers["host"] = host || "localhost";
  const textOf = (name: string) => fields.get(name)?.join(", ");
  const expected = textOf("expect")?.toLowerCase();
  if (expected !== undefined && expected !== "100-continue") {
    throw new RequestError(417, "only 100-continue can be expected");
  }
  const options = (textOf("connection") ?? "").toLowerCase().split(",").map(withoutSpaces);
  return {
    ...line,
    headers,
    keepAlive: !options.includes("close") && (!isHttp10 || options.includes("keep-alive")),
    // https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1
    expectsContinue: !isHttp10 && expected !== undefined,
    length: lengthOf(isHttp10, textOf("content-length"), textOf("transfer-encoding")),
  };
}

/**
 * The length of a body. What a proxy in front might understand in another way is refused: it could hide
 * a request within a body.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9112#section-6.3
 */
function lengthOf(
  isHttp10: boolean,
  length: string | undefined,
  encoding: string | undefined,
): number {
  if (encoding === undefined) {
    if (length === undefined) return 0;
    // Of two fields the values are joined by a comma, which is refused here.
    if (!/^\d{1,15}$/.test(length)) throw bad("Content-Length is no number of bytes");
    return Number(length);
  }
  if (length !== undefined) throw bad("Content-Length and Transfer-Encoding exclude each other");
  if (isHttp10) throw bad("HTTP/1.0 has no Transfer-Encoding");
  if (encoding.toLowerCase() === "chunked") return Infinity;
  throw new RequestError(501, "the one Transfer-Encoding here is chunked");
}

/** A chunk's size, of at most 2^48, and its extensions. */
const CHUNK = /^([0-9a-f]{1,12})((?:;[\t\x20-\x7e\x80-\xff]*)?)$/i;
/** What the digits of a chunk's size take at most; they do not count as overhead. */
const SIZE_BYTES = 16;

/** The body of a request. */
interface Body {
  /**
   * Reads all of it; to be called once.
   *
   * @param take takes each part as it comes
   * @throws {RequestError} if it breaks off, its chunks are none, or what is around them is too large
   */
  read(take: (part: Uint8Array) => void): Promise<void>;
  /**
   * Drops what has not come yet, and resolves at its end.
   *
   * @throws {RequestError} as `read` does, and if that is more than {@linkcode LIMITS.droppedBytes}
   */
  drop(): Promise<void>;
  /** Rejects with what `read` throws. */
  readonly failed: Promise<never>;
  /** Whether it is being read, and not at its end. */
  isAwaited(): boolean;
}

/**
 * Makes the body of a request, of which nothing is read before `read` or `drop`.
 *
 * @param length that of {@linkcode Head}
 */
export function openBody(input: Input, length: number): Body {
  const { promise: failed, reject: fail } = Promise.withResolvers<never>();
  let use: (part: Uint8Array) => void;
  let reading: Promise<void> | undefined;
  let isWhole = false;
  const read = (take: (part: Uint8Array) => void) => {
    use = take;
    reading ??= readBody(input, length, (part) => use(part)).then(() => void (isWhole = true));
    reading.catch(fail);
    return reading;
  };
  let dropped = 0;
  const drop = (part: Uint8Array) => {
    dropped += part.length;
    if (dropped > LIMITS.droppedBytes) throw bad("the request is too large to be dropped");
  };
  return {
    read,
    drop: () => read(drop),
    failed,
    isAwaited: () => reading !== undefined && !isWhole,
  };
}

/** https://www.rfc-editor.org/rfc/rfc9112#section-6 */
async function readBody(
  input: Input,
  length: number,
  take: (part: Buffer) => void,
): Promise<void> {
  if (length === Infinity) return await readChunks(input, take);
  for (let left = length; left > 0;) {
    if (input.bytes.length === 0) await moreOf(input);
    const part = takeBytes(input, left);
    left -= part.length;
    take(part);
  }
}

/** https://www.rfc-editor.org/rfc/rfc9112#section-7.1 */
async function readChunks(input: Input, take: (part: Buffer) => void): Promise<void> {
  let overhead: number = LIMITS.headerBytes;
  let parts: Buffer[] = [];
  // A chunk may be one byte: those that have come together are taken as one part.
  const flush = () => {
    if (parts.length > 0) take(Buffer.concat(parts));
    parts = [];
  };
  const more = async () => {
    flush();
    await moreOf(input);
  };
  for (;;) {
    let line;
    while ((line = takeLine(input, overhead + SIZE_BYTES)) === undefined) await more();
    const [, size, extensions] = CHUNK.exec(line) ?? [];
    if (size === undefined) throw bad("a chunk has no valid size");
    overhead -= extensions!.length;
    let left = parseInt(size, 16);
    if (left === 0) break;
    for (; left > 0; left -= parts.at(-1)!.length) {
      if (input.bytes.length === 0) await more();
      parts.push(takeBytes(input, left));
    }
    while (input.bytes.length < CRLF.length) await more();
    if (!takeBytes(input, CRLF.length).equals(CRLF)) throw bad("a chunk is longer than its size");
  }
  flush();
  // Trailers are checked, and dropped.
  if (await readFields(input, overhead) === undefined) throw brokenOff();
}

const CRLF = Buffer.from("\r\n");

async function moreOf(input: Input): Promise<void> {
  if (!await input.more()) throw brokenOff();
}

function brokenOff(): RequestError {
  return bad("the request breaks off");
}
