/** What grpc-js uses of node:http2. */
import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions } from "node:tls";
import * as frames from "./frames.ts";
import { DEFAULT_WINDOW, MAX_FRAME_BYTES, MAX_TABLE_BYTES } from "./limits.ts";
import { Session, type SessionOptions } from "./session.ts";

/** A server as node:http2 has it: it emits `session` and `stream`. */
export interface Http2Server extends Server {
  setTimeout(): this;
  /** Adds to the options of sessions to come. Not a part of node:http2. */
  configure(options: SessionOptions): void;
}

/** Makes a server of HTTP/2; sockets of others come to it by `emit("connection", socket)`. */
export function createServer(options: SessionOptions = {}): Http2Server {
  return serve(createTcpServer({ noDelay: true }), "connection", options);
}

/** Makes a server of HTTP/2 over TLS. */
export function createSecureServer(options: SessionOptions & TlsOptions): Http2Server {
  return serve(createTlsServer({ ...options, ALPNProtocols: ["h2"] }), "secureConnection", options);
}

function serve(server: Server, event: string, options: SessionOptions): Http2Server {
  let current = options;
  server.on(event, (socket: Socket) => {
    const session: Session = new Session(true, socket, current, (stream, headers, flags) => {
      server.emit("stream", stream, headers, flags);
    });
    server.emit("session", session);
  });
  return Object.assign(server, {
    setTimeout: () => server,
    configure(more: SessionOptions) {
      current = { ...current, ...more, settings: { ...current.settings, ...more.settings } };
    },
  }) as Http2Server;
}

/** What a client gives: how the connection is made. */
export interface ConnectOptions extends SessionOptions {
  createConnection(authority: URL, options: ConnectOptions): Socket;
}

/** How many fields an answer may have: as many as node:http2 takes. */
const MAX_ANSWER_FIELDS = 2000;

/** Opens a session to a server. */
export function connect(authority: string, options: ConnectOptions): Session {
  const socket = options.createConnection(new URL(authority), options);
  return new Session(false, socket, { maxHeaderListPairs: MAX_ANSWER_FIELDS, ...options });
}

/** The settings that a session has unless it is told otherwise. */
export function getDefaultSettings(): Record<string, number | boolean> {
  return {
    headerTableSize: MAX_TABLE_BYTES,
    enablePush: false,
    initialWindowSize: DEFAULT_WINDOW,
    maxFrameSize: MAX_FRAME_BYTES,
  };
}

/** The constants that grpc-js uses, by the names of node:http2. */
export const constants = {
  HTTP2_HEADER_AUTHORITY: ":authority",
  HTTP2_HEADER_CONTENT_TYPE: "content-type",
  HTTP2_HEADER_METHOD: ":method",
  HTTP2_HEADER_PATH: ":path",
  HTTP2_HEADER_STATUS: ":status",
  HTTP2_HEADER_TE: "te",
  HTTP2_HEADER_USER_AGENT: "user-agent",
  HTTP2_HEADER_ACCEPT_ENCODING: "accept-encoding",
  HTTP_STATUS_OK: 200,
  HTTP_STATUS_UNSUPPORTED_MEDIA_TYPE: 415,
  NGHTTP2_CANCEL: frames.CANCEL,
  NGHTTP2_ENHANCE_YOUR_CALM: frames.ENHANCE_YOUR_CALM,
  NGHTTP2_FLAG_END_STREAM: frames.END_STREAM,
  NGHTTP2_INADEQUATE_SECURITY: frames.INADEQUATE_SECURITY,
  NGHTTP2_INTERNAL_ERROR: frames.INTERNAL_ERROR,
  NGHTTP2_NO_ERROR: frames.NO_ERROR,
  NGHTTP2_REFUSED_STREAM: frames.REFUSED_STREAM,
} as const;
