import { isReservedName } from "../contract/metadata_names.ts";
import { ONCE } from "../http2/fields.ts";

/** One entry of request metadata. */
export interface Header {
  /** In lower case. */
  readonly name: string;
  /** Bytes for a name that ends in `-bin`. */
  readonly value: string | Uint8Array<ArrayBuffer>;
}

/** What {@linkcode parseHeader} accepts, in words for help and errors. */
export const HEADER = "'name: value'";

/**
 * Reads one entry of request metadata, `name: value`.
 *
 * @returns undefined if it is not valid: a name that gRPC or HTTP/2 reserves, a value that is not
 * printable ASCII, or for a `-bin` name not base64 (padded or not)
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export function parseHeader(text: string): Header | undefined {
  const read = readHeader(text);
  return typeof read === "string" ? undefined : read;
}

/**
 * What is wrong with an entry of request metadata, in words for an error; undefined if nothing is. The
 * value, which may be a secret, is not quoted.
 */
export function headerFault(text: string): string | undefined {
  const read = readHeader(text);
  return typeof read === "string" ? read : undefined;
}

/** The first name that is there twice, and of which servers take one value; undefined if there is none. */
export function repeatedName(headers: readonly Header[]): string | undefined {
  const once = headers.map(({ name }) => name).filter((name) => ONCE.has(name));
  return once.find((name, at) => once.indexOf(name) < at);
}

/** The entry, or what is wrong with it. */
function readHeader(text: string): Header | string {
  const colon = text.indexOf(":");
  if (colon < 0) {
    const [word = ""] = text.split(/\s/);
    return `there is no colon after "${word.slice(0, MAX_SHOWN)}": write ${HEADER}`;
  }
  const name = text.slice(0, colon).toLowerCase();
  const value = text.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
  if (name === "") return `there is no name before the first colon: write ${HEADER}`;
  const quoted = `"${name.slice(0, MAX_SHOWN)}"`;
  if (!/^[\da-z_.-]+$/.test(name)) {
    return `the name ${quoted} has other characters than ASCII letters, digits, "_", "-" and "."`;
  }
  if (isReservedName(name)) return `gRPC or HTTP/2 sets ${quoted} itself, choose another name`;
  if (name.endsWith("-bin")) {
    const bytes = parseBase64(value);
    return bytes === undefined
      ? `the value of ${quoted} is not base64, which a name that ends in -bin needs`
      : { name, value: bytes };
  }
  return /^[ -~]*$/.test(value)
    ? { name, value }
    : `the value of ${quoted} is not printable ASCII; ` +
      "send other text as base64, under a name that ends in -bin";
}

/** How much of a name is shown, in characters. */
const MAX_SHOWN = 60;

function parseBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}
