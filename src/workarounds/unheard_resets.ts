/**
 * A server that resets a connection as soon as it is made ends a program with grpc-js.
 *
 * - What is wrong: `tcpConnect` of grpc-js takes its listeners off a socket that has connected, and the
 *   session adds its own later, or never: where the socket has closed by then, `createSession` says
 *   "Connection closed before starting HTTP/2 handshake". The socket's error comes after that, and nobody
 *   listens: `call` and `check` ended with "Uncaught Error: read ECONNRESET".
 * - Versions: @grpc/grpc-js 1.14.7; on Node the order is the same.
 * - Upstream: no issue is known.
 * - Measured: the case `reset-after-settings` of the gauntlet, while the machine was busy: 4 of 30 calls
 *   ended so, none of 30 with this file.
 * - Fails: without it "a connection that is reset before its session is a failed try" in
 *   tests/workarounds/unheard_resets_test.ts; after an update it throws where grpc-js has no such method.
 * - It can go when grpc-js listens all the time, which that test shows.
 */
import { Http2SubchannelConnector } from "@grpc/grpc-js/build/src/transport.js";
import type { Socket } from "node:net";
import { privateMethods } from "./private_parts.ts";

interface Connector {
  tcpConnect(...rest: unknown[]): Promise<Socket>;
}

/** Has grpc-js's clients hear every error of their sockets; for `changeGrpc`. */
export function hearResets(): void {
  const connector = privateMethods<Connector>(Http2SubchannelConnector, ["tcpConnect"]);
  const { tcpConnect } = connector;
  connector.tcpConnect = async function (...args) {
    const socket = await tcpConnect.apply(this, args);
    // The session, or that there is none, tells grpc-js the same.
    return socket.on("error", () => {});
  };
}
