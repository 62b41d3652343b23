import { type AddressInfo, createServer, type Socket } from "node:net";

/** Where to listen. */
export interface Endpoint {
  /** A host name or an IP address; `::` means every IPv4 and IPv6 address of the machine. */
  readonly host: string;
  /** A TCP port; 0 asks the system for a free one. */
  readonly port: number;
}

/** A port that accepts connections. */
export interface Listener extends Endpoint {
  /** Stops accepting at once; connections stay open. Waits until the last of them has closed. */
  close(): Promise<void>;
  /** Closes every connection at once, whatever is in flight. */
  destroyConnections(): void;
}

/** Starts to accept connections, and hands each to `onConnection`. */
export type Accept = (
  endpoint: Endpoint,
  onConnection: (socket: Socket) => void,
) => Promise<Listener>;

/** The system does not let us listen; the message says why and what to do. */
export class ListenError extends Error {
  override name = "ListenError";
}

/** Every address of the machine, of both IP versions. */
export const ANY_HOST = "::";

// A machine without IPv6 has no such socket, or no such address.
const NO_IPV6 = ["EAFNOSUPPORT", "EADDRNOTAVAIL", "EINVAL"];

/**
 * Listens for TCP connections. {@linkcode ANY_HOST} becomes `0.0.0.0` on a machine without IPv6.
 *
 * The connections are accepted here, and not by grpc-js's `bindAsync`, because that one prints to
 * stderr when it fails and hides the system's error code.
 *
 * @param onConnection takes over each connection
 * @param pauseOnConnect reads nothing from a connection, so that another process can
 * @throws {ListenError} if the address cannot be listened on
 */
export async function listen(
  endpoint: Endpoint,
  onConnection: (socket: Socket) => void,
  pauseOnConnect = false,
): Promise<Listener> {
  try {
    return await listenOn(endpoint, onConnection, pauseOnConnect);
  } catch (error) {
    if (endpoint.host !== ANY_HOST || !NO_IPV6.includes(codeOf(error))) {
      throw listenError(endpoint, error);
    }
  }
  const ipv4 = { ...endpoint, host: "0.0.0.0" };
  return await listenOn(ipv4, onConnection, pauseOnConnect).catch((error) => {
    throw listenError(ipv4, error);
  });
}

function listenOn(
  { host, port }: Endpoint,
  onConnection: (socket: Socket) => void,
  pauseOnConnect: boolean,
): Promise<Listener> {
  const { promise, resolve, reject } = Promise.withResolvers<Listener>();
  // HTTP/2 frames are small and already batched: waiting for more (Nagle) only adds latency.
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true, pauseOnConnect }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    onConnection(socket);
  });
  server.on("error", reject);
  server.listen({ host, port }, () => {
    const { port } = server.address() as AddressInfo;
    const close = () => new Promise<void>((resolve) => server.close(() => resolve()));
    const destroyConnections = () => sockets.forEach((socket) => socket.destroy());
    resolve({ host, port, close, destroyConnections });
  });
  return promise;
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code);
}

function listenError({ host, port }: Endpoint, error: unknown): ListenError {
  const where = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  return new ListenError(`cannot listen on ${where}: ${reason(error)}`, {
    cause: error,
  });
}

function reason(error: unknown): string {
  switch (codeOf(error)) {
    case "EADDRINUSE":
      return "the port is in use; stop the program that uses it, choose another with --port, " +
        "or take a free one with --port 0";
    case "EACCES":
      return "not allowed; choose a port from 1024 up with --port";
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "unknown host; give --host an address of this machine, such as 127.0.0.1 or ::";
    case "EADDRNOTAVAIL":
    case "EINVAL":
      return "not an address of this machine; give --host one that is, such as 127.0.0.1 or ::";
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
