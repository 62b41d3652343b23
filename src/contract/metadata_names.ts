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

/** Whether gRPC or HTTP/2 reserves a name of metadata, which is in lower case, for itself. */
export function isReservedName(name: string): boolean {
  return name.startsWith("grpc-") || RESERVED.has(name);
}
