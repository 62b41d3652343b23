/**
 * How often gRPC has tried a call before; its own retries, and no others, send it by themselves.
 *
 * @see https://github.com/grpc/proposal/blob/master/A6-client-retries.md#exposed-retry-metadata
 */
export const PREVIOUS_ATTEMPTS = "grpc-previous-rpc-attempts";

// Names that gRPC sets itself, and those that HTTP/2 forbids (RFC 9113, section 8.2.2).
const RESERVED = new Set([
  "connection",
  "content-length",
  "content-type",
  "host",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "user-agent",
]);

// RFC 9110 and RFC 9111.
const OF_HTTP_ANSWERS = new Set([
  "age",
  "allow",
  "alt-svc",
  "cache-control",
  "clear-site-data",
  "date",
  "etag",
  "expires",
  "last-modified",
  "location",
  "pragma",
  "refresh",
  "set-cookie",
  "strict-transport-security",
  "vary",
  "via",
  "www-authenticate",
]);

/** Whether gRPC or HTTP/2 reserves a name of metadata, which is in lower case, for itself. */
export function isReservedName(name: string): boolean {
  return name.startsWith("grpc-") || RESERVED.has(name);
}

/**
 * Finds the names, in lower case, that an answer may not carry as metadata: gRPC, Connect or HTTP say with
 * them how the answer is to be read, kept or sent on.
 */
export const RESERVED_IN_ANSWERS = new RegExp(
  "^(?:(?:accept|access-control|connect|content|grpc|proxy|trailer)-.*|" +
    `${[...RESERVED, ...OF_HTTP_ANSWERS].join("|")})$`,
);

/** The name under which a server tells a client when to retry a call, in milliseconds, or not to (`-1`). */
export const PUSHBACK_TRAILER = "grpc-retry-pushback-ms";
