/** The server of one case. */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import type { Case } from "./case.ts";
import { greet, serveConnection } from "./connection.ts";
import { GREETING } from "./frames.ts";
import { recordConnection, type Recording } from "./recording.ts";

/** What a server has seen of a client. */
export interface Seen {
  readonly connections: number;
  /** Calls whose request was complete: the tries of one call. */
  readonly tries: number;
  /** Streams that the client has reset. */
  readonly resets: number;
}

/** A server that runs. */
export interface CaseServer {
  /** Where it listens: `127.0.0.1:50051`. */
  readonly address: string;
  readonly seen: Seen;
  /** What went over the last connection, in lines; none if there was no connection. */
  lastConnection(): Promise<readonly string[]>;
  /** Resolves with the first connection. */
  readonly connected: Promise<void>;
}

/** A certificate and its private key (PEM). */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/**
 * Serves a case on a free port of 127.0.0.1 while `use` runs.
 *
 * @param identity with it, over TLS
 */
export async function withCaseServer<T>(
  { answer, greeting = greet }: Case,
  identity: Identity | undefined,
  use: (server: CaseServer) => Promise<T>,
): Promise<T> {
  const seen = { connections: 0, tries: 0, resets: 0 };
  const connected = Promise.withResolvers<void>();
  const sockets = new Set<Socket>();
  let last: Recording | undefined;
  const onConnection = (socket: Socket) => {
    last = recordConnection(socket, `#${seen.connections}`, address());
    serveConnection(socket, greeting, {
      onRequest(_, call) {
        seen.tries++;
        void answer({ ...call, hello: GREETING, attempt: seen.tries });
      },
      onReset: () => seen.resets++,
    });
  };
  const address = () => `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const server: Server = identity === undefined
    ? createServer(onConnection)
    : createTlsServer({ ...identity, ALPNProtocols: ["h2"] }, onConnection);
  server.prependListener("connection", (socket: Socket) => {
    seen.connections++;
    connected.resolve();
    sockets.add(socket);
    // A client may go at any time.
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  // A handshake that fails.
  server.on("tlsClientError", () => {});
  server.on("secureConnection", (socket: Socket) => socket.on("error", () => {}));
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject).listen(0, "127.0.0.1", resolve);
  await promise;
  try {
    const lastConnection = () => last?.lines() ?? Promise.resolve([]);
    return await use({
      address: address(),
      seen,
      lastConnection,
      connected: connected.promise,
    });
  } finally {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  }
}
