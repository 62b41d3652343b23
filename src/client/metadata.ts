import { isReservedName } from "../contract/metadata_names.ts";

/** One entry of request metadata. */
export interface Header {
  /** In lower case. */
  readonly name: string;
  /** Bytes for a name that ends in `-bin`. */
  readonly value: string | Uint8Array<ArrayBuffer>;
}

/** What {@linkcode parseHeader} accepts, in words for help and errors. */
export const HEADER = "'name: value' in ASCII, base64 for a name that ends in -bin, and no name " +
  "that gRPC or HTTP/2 sets itself";

/**
 * Reads one entry of request metadata, `name: value`.
 *
 * @returns undefined if it is not valid: a name that gRPC or HTTP/2 reserves, a value that is not
 * printable ASCII, or for a `-bin` name not base64 (padded or not)
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */
export function parseHeader(text: string): Header | undefined {
  const match = /^([\da-z_.-]+):[ \t]*([ -~]*?)[ \t]*$/i.exec(text);
  if (!match) return undefined;
  const name = match[1]!.toLowerCase();
  if (isReservedName(name)) return undefined;
  if (!name.endsWith("-bin")) return { name, value: match[2]! };
  const value = parseBase64(match[2]!);
  return value && { name, value };
}

function parseBase64(text: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}
