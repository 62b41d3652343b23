/** Requests of HTTP/1.1 and HTTP/2, for the tests of what is not gRPC. */
import { Buffer } from "node:buffer";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { connect as connectHttp2, type SecureClientSessionOptions } from "node:http2";
import { connect as connectSocket } from "node:net";

/** Where a server listens, and how it is reached there. */
export interface Reach {
  readonly port?: number;
  readonly socket?: string;
  /** Given for TLS. */
  readonly tls?: { readonly ca: Uint8Array; readonly cert?: Uint8Array; readonly key?: Uint8Array };
  readonly version: 1 | 2;
}

export interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Uint8Array;
  readonly signal?: AbortSignal;
}

export interface Received {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

/** https://www.rfc-editor.org/rfc/rfc9113#section-7 */
const CANCEL = 8;

/** The path of GetUser. */
export const GET_USER = "/userservice.UserService/GetUser";

/** One request over a connection of its own. */
export function ask(reach: Reach, sent: Sent): Promise<Received> {
  return reach.version === 1 ? ask1(reach, sent) : ask2(reach, sent);
}

function ask1({ port, socket, tls }: Reach, sent: Sent): Promise<Received> {
  const { promise, resolve, reject } = Promise.withResolvers<Received>();
  const { method = "GET", path = "/", headers = {}, body, signal } = sent;
  const where = socket === undefined ? { host: "127.0.0.1", port } : { socketPath: socket };
  const options = { ...where, method, path, headers: { ...headers }, agent: false as const };
  const secure = { ...options, ...tls, servername: "localhost" };
  const asked = tls === undefined ? httpRequest(options) : httpsRequest(secure as typeof options);
  asked.on("response", async (response) => {
    const bytes = Buffer.concat(await Array.fromAsync(response));
    const { statusCode = 0, headers } = response;
    resolve({ status: statusCode, headers: headers as Received["headers"], body: bytes });
  });
  asked.on("error", reject);
  signal?.addEventListener("abort", () => {
    asked.destroy();
    reject(signal.reason);
  });
  asked.end(body);
  return promise;
}

function ask2({ port, socket, tls }: Reach, sent: Sent): Promise<Received> {
  const { promise, resolve, reject } = Promise.withResolvers<Received>();
  const { method = "GET", path = "/", headers = {}, body, signal } = sent;
  const options: SecureClientSessionOptions = socket === undefined
    ? { ...tls as object }
    : { createConnection: () => connectSocket(socket) };
  const scheme = tls === undefined ? "http" : "https";
  const session = connectHttp2(`${scheme}://localhost:${port ?? 1}`, options);
  session.on("error", reject);
  session.on("close", () => reject(new Error("the connection has closed")));
  const stream = session.request({ ...headers, ":method": method, ":path": path });
  stream.on("response", async (head) => {
    const bytes = Buffer.concat(await Array.fromAsync(stream));
    const status = Number(head[":status"]);
    resolve({ status, headers: head as Received["headers"], body: bytes });
  });
  stream.on("error", reject);
  signal?.addEventListener("abort", () => {
    stream.close(CANCEL);
    reject(signal.reason);
  });
  stream.end(body);
  return promise.finally(() => session.close());
}

/** The message of one string field, number 1, and a message with the five bytes before it. */
export { getUserRequest as message, grpcMessage as framed } from "./frames.ts";

/** The messages and the trailers in an answer of gRPC-Web. */
export function unframed(
  bytes: Buffer,
): { readonly messages: Buffer[]; readonly trailers: string } {
  const messages: Buffer[] = [];
  let trailers = "";
  while (bytes.length > 0) {
    const end = 5 + bytes.readUInt32BE(1);
    const part = bytes.subarray(5, end);
    if (bytes[0]! & 0x80) trailers += part;
    else messages.push(part);
    bytes = bytes.subarray(end);
  }
  return { messages, trailers };
}
