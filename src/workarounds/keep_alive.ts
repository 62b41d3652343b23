/**
 * node:http closes a connection that others have accepted for it after one answer.
 *
 * - What is wrong: a server that does not listen itself, and gets its connections by
 *   `emit("connection", socket)`, destroys each after an answer, as if it were about to close; the
 *   answer says `Connection: keep-alive`, and a client that has sent a further request by then gets
 *   none.
 * - Versions: Deno 2.9.2.
 * - Upstream: `resOnFinish` in
 *   https://github.com/denoland/deno/blob/main/ext/node/polyfills/_http_server.ts; Node 20 does not ask.
 * - Measured: of four requests, one after another on one connection, one is answered without this file,
 *   four with it.
 * - Fails: without it "a connection takes one request after another" in tests/http_test.ts.
 * - It can go when that test passes without.
 */
import type { Server } from "node:http";

/** Lets a server that does not listen keep its connections after an answer. */
export function keepConnections(server: Server): void {
  Object.defineProperty(server, "listening", { value: true });
}
