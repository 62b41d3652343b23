import type { Server } from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import type { Http2Server, ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";

/** GOAWAY, no error, last stream 2^31-1: "go away, but every call that you have begun is served". */
const GOAWAY = Buffer.from("0000080700000000007fffffff00000000", "hex");
/** How long a client may take to tell that it has heard, in milliseconds. */
const HEARD_MS = 1_000;

/** Tells clients that the server goes away. */
export interface Announcer {
  /** Looks for HTTP/2 servers that were added since the last time. */
  watch(): void;
  /** Tells all, and waits until they have heard it. No call of theirs is refused by that. */
  announce(): Promise<void>;
}

/**
 * Makes the first half of a graceful HTTP/2 shutdown (RFC 9113, section 6.8), of which grpc-js does
 * only the second: it tells at once which call was the last. A call that is on its way then is lost,
 * and of grpc-go's callers, which try such a call again, two in a thousand still failed.
 *
 * The frame is written past node:http2, because that ignores each new call, without a word, from the
 * moment on in which it has sent a GOAWAY of any kind. It has no call for nghttp2's
 * `nghttp2_submit_shutdown_notice`. node:http2 writes whole frames, so this one cannot fall into
 * another.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9113#section-6.8
 */
export function openAnnouncer(server: Server): Announcer {
  const sockets = new Map<ServerHttp2Session, Socket>();
  const watched = new WeakSet<Http2Server>();

  function watch(http2Server: Http2Server): void {
    if (watched.has(http2Server)) return;
    watched.add(http2Server);
    let latest: Socket;
    const remember = (socket: Socket) => void (latest = socket);
    // node:http2 begins a session in the same event, after this.
    http2Server.prependListener("connection", remember);
    http2Server.prependListener("secureConnection", remember);
    http2Server.on("session", (session: ServerHttp2Session) => {
      sockets.set(session, latest);
      session.once("close", () => sockets.delete(session));
    });
  }

  return {
    watch() {
      // grpc-js keeps its HTTP/2 servers to itself.
      const { http2Servers } = server as unknown as { http2Servers: Map<Http2Server, unknown> };
      for (const http2Server of http2Servers.keys()) watch(http2Server);
    },
    async announce() {
      // A connection of this turn has yet to send what must come first.
      await new Promise((resolve) => setImmediate(resolve));
      await Promise.all([...sockets].map(([session, socket]) => tell(session, socket)));
    },
  };
}

function tell(session: ServerHttp2Session, socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, HEARD_MS);
    const heard = () => {
      clearTimeout(timer);
      resolve();
    };
    if (session.closed || session.destroyed || socket.destroyed) return heard();
    session.once("close", heard);
    socket.write(GOAWAY);
    // What the client had sent before it heard comes before its answer to this.
    session.ping(heard);
  });
}
