/**
 * node:http2 takes most of the time of a call, and ends the process.
 *
 * - What is wrong: of the 50 to 75 us of CPU time that a call took a server, 85 % were node:http2; it
 *   keeps 30 KB of each closed connection (Deno up to 2.9.3), and ends the process under load (Deno
 *   2.9.4 to 2.9.8).
 * - Versions: Deno 2.9.2 to 2.9.8.
 * - Upstream: https://github.com/denoland/deno/issues/36788,
 *   https://github.com/denoland/deno/pull/36043
 * - Measured: docs/benchmarks.md.
 * - Fails: without it tests/workarounds/own_http2_test.ts, which also names what a new grpc-js asks for and
 *   src/http2/ does not have.
 * - It can go when grpc-js over node:http2 is as fast, and lives through `deno task test:abuse`.
 */
import nodeHttp2 from "node:http2";
import * as http2 from "../http2/http2.ts";
import type { SessionOptions } from "../http2/session.ts";

/** Has grpc-js use src/http2/, in this process. It does not matter whether grpc-js is loaded already. */
export function useOwnHttp2(): void {
  Object.assign(nodeHttp2, http2);
}

/**
 * Has each connection observed that a client of grpc-js opens from now on, in this process: it hands no
 * options of a channel on to HTTP/2. After {@linkcode useOwnHttp2}.
 */
export function observeConnections(observe: NonNullable<SessionOptions["observe"]>): void {
  const connect = (authority: string, options: http2.ConnectOptions) =>
    http2.connect(authority, { ...options, observe });
  Object.assign(nodeHttp2, { connect });
}
