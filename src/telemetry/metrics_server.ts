import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Notice } from "../contract/events.ts";
import { formatEndpoint, ListenError, type TcpEndpoint } from "../contract/endpoint.ts";
import { codeOf } from "../text/errors.ts";

/** How much a client that is slow, broken or hostile can use. */
const LIMITS = {
  /** Open connections; more are closed at once, so that the calls keep their file descriptors. */
  connections: 32,
  /** How long a request may take to come, and a connection may be idle, in milliseconds. */
  requestMs: 5_000,
  /** The size of a request's head, in bytes. */
  headBytes: 8 * 1024,
};

/** https://prometheus.io/docs/instrumenting/exposition_formats/ */
const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/**
 * Serves metrics over HTTP at `/metrics`, and nothing else.
 *
 * @param text makes the Prometheus text for each request; if it fails, the answer is 500
 * @returns a notice for the log: the event `metrics_listening` with `address` and `port`
 * @throws {ListenError} if the address cannot be listened on
 */
export async function serveMetrics(
  { host, port }: TcpEndpoint,
  text: () => Promise<string>,
): Promise<Notice> {
  const server = createServer({
    maxHeaderSize: LIMITS.headBytes,
    headersTimeout: LIMITS.requestMs,
    requestTimeout: LIMITS.requestMs,
    connectionsCheckingInterval: LIMITS.requestMs / 5,
  }, (request, response) => void answer(request, response, text));
  server.maxConnections = LIMITS.connections;
  server.setTimeout(LIMITS.requestMs, (socket) => socket.destroy());
  server.on("clientError", (_, socket) => socket.destroy());
  const address = await listening(server, host, port);
  return {
    level: "info",
    event: "metrics_listening",
    message: `metrics are served at http://${formatEndpoint(address)}/metrics`,
    fields: { address: address.host, port: address.port },
  };
}

async function answer(
  { method = "", url = "" }: IncomingMessage,
  response: ServerResponse,
  text: () => Promise<string>,
): Promise<void> {
  // One request per connection: an open connection, or one with pipelined requests, takes memory.
  response.shouldKeepAlive = false;
  if (url.split("?", 1)[0] !== "/metrics") return refuse(response, 404, "only /metrics is here");
  if (method !== "GET" && method !== "HEAD") {
    response.setHeader("allow", "GET, HEAD");
    return refuse(response, 405, "only GET and HEAD are allowed");
  }
  const body = await text().catch((error: unknown) => ({ error }));
  if (typeof body !== "string") return refuse(response, 500, `no metrics: ${body.error}`);
  response.writeHead(200, {
    "content-type": CONTENT_TYPE,
    "content-length": new TextEncoder().encode(body).length,
  });
  response.end(body);
}

function refuse(response: ServerResponse, code: number, reason: string): void {
  response.writeHead(code, { "content-type": "text/plain; charset=utf-8" });
  response.end(`${reason}\n`);
}

function listening(server: Server, host: string, port: number): Promise<TcpEndpoint> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      const reason = codeOf(error) === "EADDRINUSE" ? "the port is in use" : error.message;
      reject(new ListenError("serve metrics", { host, port }, reason, error));
    });
    server.listen({ host, port }, () => {
      // Such as EMFILE, when no file descriptor is left: without a listener it would end the server.
      server.on("error", () => {});
      resolve({ host, port: (server.address() as AddressInfo).port });
    });
  });
}
