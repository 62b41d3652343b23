/** A stream of HTTP/2 as a request and a response of node:http: as much of them as the HTTP side uses. */
import { EventEmitter } from "node:events";
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from "node:http";
import { Readable } from "node:stream";
import type { Headers } from "../../http2/fields.ts";
import type { Session } from "../../http2/session.ts";
import type { Stream } from "../../http2/stream.ts";

/** A request of HTTP/2. */
export interface Http2Request extends Readable {
  readonly method: string;
  /** The path with its query. */
  readonly url: string;
  readonly httpVersion: string;
  readonly headers: IncomingHttpHeaders;
  readonly socket: Session["socket"];
}

/** Makes the request of a stream. */
export function requestOf(stream: Stream, headers: Headers): Http2Request {
  const { ":method": method, ":path": url, ":authority": authority } = headers;
  const request = new Readable({ read: () => void stream.resume() });
  stream.on("data", (chunk) => {
    if (!request.push(chunk)) stream.pause();
  });
  stream.once("end", () => request.push(null));
  stream.once("close", () => request.readableEnded || request.destroy(new Error("aborted")));
  return Object.assign(request, {
    method: String(method),
    url: String(url ?? ""),
    httpVersion: "2.0",
    // RFC 9113, section 8.3.1: `:authority` stands for it.
    headers:
      (authority === undefined ? headers : { ...headers, host: authority }) as IncomingHttpHeaders,
    socket: (stream.session as Session).socket,
  });
}

/** A response of HTTP/2, which is sent as a whole. It emits `close` when its stream has closed. */
export class Http2Response extends EventEmitter {
  statusCode = 200;
  headersSent = false;
  readonly #stream: Stream;
  readonly #headers: OutgoingHttpHeaders = {};

  constructor(readonly req: Http2Request, stream: Stream) {
    super();
    this.#stream = stream;
    stream.once("close", () => this.emit("close"));
  }

  get destroyed(): boolean {
    return this.#stream.closed;
  }

  getHeader(name: string): OutgoingHttpHeaders[string] {
    return this.#headers[name];
  }

  setHeader(name: string, value: string): void {
    this.#headers[name] = value;
  }

  writeHead(status: number, headers: OutgoingHttpHeaders): void {
    this.statusCode = status;
    Object.assign(this.#headers, headers);
  }

  end(body?: Uint8Array): void {
    if (this.headersSent || this.destroyed) return;
    this.headersSent = true;
    const headers = { ":status": this.statusCode, ...this.#headers };
    const isEmpty = body === undefined || body.length === 0;
    this.#stream.respond(headers, { endStream: isEmpty });
    if (!isEmpty) this.#stream.end(body);
    this.emit("finish");
  }
}
