/** What one client, or all together, may take. Beyond it a call or a connection is refused. */
export const LIMITS = {
  /** The largest request in bytes, RESOURCE_EXHAUSTED beyond: gRPC's usual limit. */
  messageBytes: 4 * 1024 * 1024,
  /**
   * The headers of a call in bytes, 32 more for each (RFC 9113, section 6.5.2): clients are told, and
   * src/http2/ resets a call with more, or with over 128 headers (ENHANCE_YOUR_CALM), which the caller
   * sees as RESOURCE_EXHAUSTED.
   */
  headerBytes: 64 * 1024,
  /**
   * What a process keeps of requests that it has not wholly received, and of large headers, in bytes:
   * beyond it the largest are refused, RESOURCE_EXHAUSTED.
   */
  receivedBytes: 64 * 1024 * 1024,
  /** The largest request in JSON, in bytes; how deep it may be nested. */
  jsonBytes: 64 * 1024,
  jsonDepth: 100,
  /**
   * The shortest time between two PINGs of a client that gets nothing else in between, in milliseconds;
   * with a third one too early the connection ends (`too_many_pings`). gRPC's own servers take one in
   * five minutes. Here clients are tested, with short times, too.
   *
   * @see https://github.com/grpc/proposal/blob/master/A8-client-side-keepalive.md
   */
  pingMs: 500,
  /** Calls in flight on one connection; a client holds back further ones. */
  concurrentStreams: 100,
  /** What a connection of HTTP/1.1 may send ahead of an answer, in bytes; further ones are not read. */
  aheadBytes: 16 * 1024,
  /** What is read by HTTP/1.1 of a request that has its answer, in bytes; then the connection ends. */
  droppedBytes: 16 * 1024 * 1024,
  /** The longest query of a request for the calls that have ended, in bytes. */
  queryBytes: 8 * 1024,
  /** How many requests may wait for calls at once; further ones are refused. */
  callWaits: 100,
  /** What the calls in answers take until their clients have read them, in bytes; then they are refused. */
  unreadBytes: 64 * 1024 * 1024,
  /** Open connections of one process; further ones are closed as soon as they are accepted. */
  connections: 10_000,
  /** How long a connection may take to begin with HTTP, and its TLS before that, in milliseconds. */
  prefaceMs: 3_000,
  /** How long the head of the first request of HTTP/1.1 may take, in milliseconds. */
  headersMs: 10_000,
  /** How long a request that is not gRPC may take to come after its head, in milliseconds. */
  requestMs: 30_000,
  /** How long a connection of HTTP/1.1 waits for the whole head of a further request, in milliseconds. */
  httpIdleMs: 60_000,
  /** How long a connection without a call stays open, in milliseconds. */
  idleMs: 5 * 60_000,
  /** How long a client may go on to send, or take to close its side, after its answer, in milliseconds. */
  lingerMs: 3_000,
} as const;
