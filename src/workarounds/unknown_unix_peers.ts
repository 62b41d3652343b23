/**
 * grpc-js calls the peer of a Unix socket `unknown`.
 *
 * - What is wrong: such a connection has no address; grpc-js knows a peer by `remoteAddress` alone, so
 *   that `getPeer` of its calls, and the log with it, cannot tell which socket a call came by.
 * - Versions: @grpc/grpc-js 1.14.7.
 * - Upstream: `getPeer` in
 *   https://github.com/grpc/grpc-node/blob/master/packages/grpc-js/src/server-interceptors.ts
 * - Measured: the peer in the log is `unix:PATH` with this file, `unknown` without.
 * - Fails: without it "the log says on which socket a caller came" in tests/server/connection_test.ts.
 * - It can go when `getPeer` names the path of the server's socket.
 */
import type { Socket } from "node:net";

/**
 * Names the peer of a connection to a Unix socket.
 *
 * @param name what is said in place of an address: `unix:/run/usersvc`
 */
export function nameUnixPeer(socket: Socket, name: string): void {
  Object.defineProperty(socket, "remoteAddress", { value: name });
}

/** The name of a connection's peer; undefined if it was not given one. */
export function unixPeer({ remoteAddress }: Socket): string | undefined {
  return remoteAddress?.startsWith("unix:") ? remoteAddress : undefined;
}
