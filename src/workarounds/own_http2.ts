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

/** Has grpc-js use src/http2/, in this process. It does not matter whether grpc-js is loaded already. */
export function useOwnHttp2(): void {
  Object.assign(nodeHttp2, http2);
}
