/** Fields of headers, and what is a message of HTTP: RFC 9113, sections 8.1 to 8.3. */

/** What a name means to HTTP/2. */
export const REGULAR = 0, METHOD = 1, SCHEME = 2, PATH = 3, AUTHORITY = 4, STATUS = 5, TE = 6;
/** No message has a field of such a name or value: RFC 9113, sections 8.2.1, 8.2.2 and 8.3. */
export const CONTENT_LENGTH = 7, MALFORMED = 8;

const KINDS = new Map([
  [":method", METHOD],
  [":scheme", SCHEME],
  [":path", PATH],
  [":authority", AUTHORITY],
  [":status", STATUS],
  ["te", TE],
  ["content-length", CONTENT_LENGTH],
  ["connection", MALFORMED],
  ["keep-alive", MALFORMED],
  ["proxy-connection", MALFORMED],
  ["transfer-encoding", MALFORMED],
  ["upgrade", MALFORMED],
]);

const NOT_IN_VALUES = /[\0\r\n]|^[ \t]|[ \t]$/;

/** A field, in a table of HPACK or in a message. */
export class Field {
  /** What it takes in a table, in bytes: RFC 7541, section 4.1. */
  readonly size: number;
  readonly kind: number;

  /** @param nameKind what the name means, see {@linkcode kindOf} */
  constructor(readonly name: string, readonly value: string, readonly nameKind: number) {
    this.size = name.length + value.length + 32;
    this.kind = NOT_IN_VALUES.test(value) ? MALFORMED : nameKind;
  }
}

/** What a name means. */
export function kindOf(name: string): number {
  return KINDS.get(name) ?? (/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name) ? REGULAR : MALFORMED);
}

/**
 * The fields of a message by name, without inherited names; `:status` is a number. Several of one name are
 * an array, except where {@linkcode isOneText} says otherwise.
 */
export interface Headers {
  [name: string]: string | string[] | undefined;
}

/** Objects of this make stay in V8's fast mode, which those of `Object.create(null)` do not. */
const NewHeaders = function () {} as unknown as { new (): Headers };
NewHeaders.prototype = Object.create(null);

/** The headers of a message, and what `content-length` says: -1 where it is absent. */
export interface Message {
  readonly headers: Headers;
  readonly contentLength: number;
}

/** Which pseudo-header fields have come, as bits. */
const REQUIRED = 1 << METHOD | 1 << SCHEME | 1 << PATH;

/** The headers of a request; undefined if they are malformed: RFC 9113, section 8.3.1. */
export function readRequest(fields: readonly Field[]): Message | undefined {
  const headers = new NewHeaders();
  let seen = 0, at = 0;
  for (; at < fields.length; at++) {
    const { kind, name, value } = fields[at]!;
    if (kind < METHOD || kind > AUTHORITY) break;
    if (seen & (1 << kind)) return undefined;
    seen |= 1 << kind;
    headers[name] = value;
  }
  const isConnect = headers[":method"] === "CONNECT";
  const isWhole = isConnect
    ? seen === (1 << METHOD | 1 << AUTHORITY)
    : (seen & REQUIRED) === REQUIRED && isPath(headers[":path"] as string);
  if (!isWhole || !/^[!#$%&'*+\-.^_`|~\w]+$/.test(headers[":method"] as string)) return undefined;
  return readRegular(fields, at, headers);
}

/** `*` is for OPTIONS, of a server as a whole: RFC 9113, section 8.3.1. */
function isPath(path: string): boolean {
  return path.startsWith("/") || path === "*";
}

/** The headers of a response; undefined if they are malformed: RFC 9113, section 8.3.2. */
export function readResponse(fields: readonly Field[]): Message | undefined {
  const first = fields[0];
  if (first?.kind !== STATUS || !/^[1-9]\d\d$/.test(first.value)) return undefined;
  const headers = new NewHeaders();
  // As node:http2 has it.
  (headers as Record<string, unknown>)[":status"] = Number(first.value);
  return readRegular(fields, 1, headers);
}

/** Trailers; undefined if they are malformed: RFC 9113, section 8.1. */
export function readTrailers(fields: readonly Field[]): Message | undefined {
  return readRegular(fields, 0, new NewHeaders());
}

function readRegular(
  fields: readonly Field[],
  at: number,
  headers: Headers,
): Message | undefined {
  let contentLength = -1;
  for (; at < fields.length; at++) {
    const { kind, name, value } = fields[at]!;
    if (kind !== REGULAR) {
      if (kind === CONTENT_LENGTH) {
        const length = /^\d{1,15}$/.test(value) ? Number(value) : -1;
        if (length < 0 || contentLength >= 0 && contentLength !== length) return undefined;
        contentLength = length;
      } else if (kind !== TE || value !== "trailers") return undefined;
    }
    const before = headers[name];
    headers[name] = before === undefined ? value : combine(name, before, value);
  }
  return { headers, contentLength };
}

/** Names, in lower case, of which node:http2 keeps the first value. */
export const ONCE = new Set(
  ("authorization content-encoding content-language content-length content-location content-type " +
    "date etag from host if-match if-modified-since if-none-match if-range if-unmodified-since " +
    "last-modified location max-forwards proxy-authorization referer retry-after server te " +
    "user-agent").split(" "),
);

/**
 * Names that HTTP, gRPC and Connect define: their readers expect one text. So does grpc-js with names that
 * end in `-bin`: it splits a text at commas, the texts of an array it does not.
 */
const ONE_TEXT = new RegExp(
  "^(?:(?:accept|access-control|connect|content|grpc|if|proxy|sec)-.*|.*-bin|" +
    "accept|allow|cache-control|connection|cookie|expect|forwarded|keep-alive|origin|pragma|range|" +
    "trailer|transfer-encoding|upgrade|vary|via)$",
);

/** Whether the fields of a name are one text, however many come; of other names each has its own value. */
export function isOneText(name: string): boolean {
  return ONCE.has(name) || ONE_TEXT.test(name);
}

/** What comes several times is one list: RFC 9110, section 5.3; cookies: RFC 9113, section 8.2.3. */
function combine(name: string, before: string | string[], value: string): string | string[] {
  if (ONCE.has(name)) return before;
  if (isOneText(name)) return `${before}${name === "cookie" ? "; " : ", "}${value}`;
  if (typeof before === "string") return [before, value];
  before.push(value);
  return before;
}
