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
 * Whether a name, which is in lower case, is none that an answer may carry as metadata: gRPC, Connect or
 * HTTP say with it how the answer is to be read, kept or sent on.
 */
export function isReservedInAnswers(name: string): boolean {
  return isReservedName(name) || OF_HTTP_ANSWERS.has(name) ||
    /^(?:accept|access-control|connect|content|proxy|trailer)-/.test(name);
}
