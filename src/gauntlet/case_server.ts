/** The server of one case. */
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { formatEndpoint } from "../contract/endpoint.ts";
import type { Identity } from "../contract/tls_files.ts";
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
  /** Where it listens: `127.0.0.1:50051`, `unix:/tmp/socket`. */
  readonly address: string;
  readonly seen: Seen;
  /** What went over the last connection, in lines; none if there was no connection. */
  lastConnection(): Promise<readonly string[]>;
  /** Resolves with the first connection. */
  readonly connected: Promise<void>;
}

/** How the server of a case listens. */
export interface ListenOptions {
  /** With it, over TLS. */
  readonly identity?: Identity;
  /** A folder: the server listens on a Unix socket in it, not on a port. */
  readonly folder?: string;
}

/** Serves a case on a free port of 127.0.0.1, or on a Unix socket, while `use` runs. */
export async function withCaseServer<T>(
  { name, answer, greeting = greet }: Case,
  { identity, folder }: ListenOptions,
  use: (server: CaseServer) => Promise<T>,
): Promise<T> {
  const seen = { connections: 0, tries: 0, resets: 0 };
  const connected = Promise.withResolvers<void>();
  const sockets = new Set<Socket>();
  let address = "";
  let last: Recording | undefined;
  const onConnection = (socket: Socket) => {
    // A Unix socket cannot be reset.
    if (folder !== undefined) socket.resetAndDestroy = () => socket.destroy();
    last = recordConnection(socket, `#${seen.connections}`, address);
    serveConnection(socket, greeting, {
      onRequest(_, call) {
        seen.tries++;
        void answer({ ...call, hello: GREETING, attempt: seen.tries });
      },
      onReset: () => seen.resets++,
    });
  };
  const server = makeServer(identity, onConnection);
  server.prependListener("connection", (socket: Socket) => {
    seen.connections++;
    connected.resolve();
    sockets.add(socket);
    // A client may go at any time.
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  address = await listen(server, folder && `${folder}/${name}`);
  try {
    const lastConnection = () => last?.lines() ?? Promise.resolve([]);
    return await use({ address, seen, lastConnection, connected: connected.promise });
  } finally {
    const closed = new Promise((resolve) => server.close(resolve));
    for (const socket of sockets) socket.destroy();
    await closed;
  }
}

function makeServer(
  identity: Identity | undefined,
  onConnection: (socket: Socket) => void,
): Server {
  if (identity === undefined) return createServer(onConnection);
  const server = createTlsServer({ ...identity, ALPNProtocols: ["h2"] }, (socket) => {
    socket.on("error", () => {});
    onConnection(socket);
  });
  // A handshake that fails.
  return server.on("tlsClientError", () => {});
}

/**
 * @param path of a Unix socket, where there is to be one
 * @returns the address as clients write it
 */
async function listen(server: Server, path: string | undefined): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject);
  if (path === undefined) server.listen(0, "127.0.0.1", resolve);
  else server.listen(path, resolve);
  await promise;
  if (path !== undefined) return formatEndpoint({ path });
  return formatEndpoint({ host: "127.0.0.1", port: (server.address() as AddressInfo).port });
}
