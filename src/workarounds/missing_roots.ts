/**
 * A server without root certificates fails every handshake.
 *
 * - What is wrong: grpc-js gives node:tls `ca: null` where no client certificate is asked for; on Deno
 *   every handshake then fails ("excessive message size").
 * - Versions: Deno 2.9.2.
 * - Upstream: no issue is known; `ServerCredentials.createSsl` in
 *   https://github.com/grpc/grpc-node/blob/master/packages/grpc-js/src/server-credentials.ts
 * - Measured: with `null` every handshake fails, with the server's own chain none.
 * - Fails: without it the tests of TLS in tests/call_tls_test.ts.
 * - It can go when a server with `createSsl(null, ...)` answers on Deno.
 */
import type { Buffer } from "node:buffer";

/**
 * The roots that a server is given: those of client certificates or, where none is asked for, its own
 * chain, with which nothing is checked then.
 */
export function serverRoots(chain: Buffer, clientRoots: Buffer | undefined): Buffer {
  return clientRoots ?? chain;
}
