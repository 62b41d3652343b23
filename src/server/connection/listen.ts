import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { closeUnixServer } from "../../workarounds/close_unix_server.ts";
import { type Connections, openConnections } from "./connections.ts";
import { watchDescriptors } from "../../workarounds/descriptors_run_out.ts";
import { keepAccepting } from "../../workarounds/accept_after_emfile.ts";
import { claimSocketFile, identify, isThere } from "./socket_file.ts";
import {
  ANY_HOST,
  type Endpoint,
  formatEndpoint,
  ListenError,
  type UnixEndpoint,
} from "../../contract/endpoint.ts";
import { codeOf, messageOf } from "../../text/errors.ts";
import { nameUnixPeer } from "../../workarounds/unknown_unix_peers.ts";

/** An endpoint that accepts connections. */
export interface Listener {
  /** Where it listens, with the real port. */
  readonly endpoint: Endpoint;
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

/**
 * How many file descriptors connections to a socket file leave free. Deno accepts up to 128 before it
 * reports the first (the budget that tokio gives a task), and others may be opened meanwhile.
 */
const SPARE_DESCRIPTORS = 192;

// A machine without IPv6 has no such socket, or no such address.
const NO_IPV6 = ["EAFNOSUPPORT", "EADDRNOTAVAIL", "EINVAL"];

/**
 * Accepts connections. {@linkcode ANY_HOST} becomes `0.0.0.0` on a machine without IPv6. A socket
 * file that a killed server left behind is replaced.
 *
 * The connections are accepted here, and not by grpc-js's `bindAsync`, because that function prints to
 * stderr when it fails, and hides the system's error code and the connections.
 *
 * @param onConnection takes over each connection
 * @param pauseOnConnect nothing is read from a connection, so that another process can take it
 * @throws {ListenError} if the endpoint cannot be listened on
 */
export async function listen(
  endpoint: Endpoint,
  onConnection: (socket: Socket) => void,
  pauseOnConnect = false,
): Promise<Listener> {
  try {
    if ("path" in endpoint) await claimSocketFile(endpoint.path);
    return await listenOn(endpoint, onConnection, pauseOnConnect);
  } catch (error) {
    if (!needsIpv4(endpoint, error)) throw listenError(endpoint, error);
  }
  const ipv4 = { ...endpoint, host: "0.0.0.0" };
  return await listenOn(ipv4, onConnection, pauseOnConnect).catch((error) => {
    throw listenError(ipv4, error);
  });
}

/**
 * Accepts connections on all endpoints or, if one of them fails, on none.
 *
 * @throws {ListenError} if an endpoint cannot be listened on
 */
export async function acceptAll(
  accept: Accept,
  endpoints: readonly Endpoint[],
  onConnection: (socket: Socket) => void,
): Promise<Listener[]> {
  const listeners: Listener[] = [];
  try {
    for (const endpoint of endpoints) listeners.push(await accept(endpoint, onConnection));
    return listeners;
  } catch (error) {
    listeners.forEach((listener) => void listener.close());
    throw error;
  }
}

function needsIpv4(endpoint: Endpoint, error: unknown): boolean {
  return "host" in endpoint && endpoint.host === ANY_HOST && NO_IPV6.includes(codeOf(error));
}

function listenOn(
  endpoint: Endpoint,
  onConnection: (socket: Socket) => void,
  pauseOnConnect: boolean,
): Promise<Listener> {
  const { promise, resolve, reject } = Promise.withResolvers<Listener>();
  const take = "path" in endpoint ? takeUnix(endpoint, onConnection) : onConnection;
  const connections = openConnections(take);
  const { destroy: destroyConnections } = connections;
  // The frames of a turn are written together already: Nagle's algorithm would only add latency.
  const options = { noDelay: true, pauseOnConnect };
  const server = createServer(options, pauseOnConnect ? take : connections.add);
  server.on("error", reject);
  server.listen(endpoint, () => {
    if ("path" in endpoint) {
      const close = unixClose(server, endpoint, connections);
      return resolve({ endpoint, close, destroyConnections });
    }
    keepAccepting(server);
    const { port } = server.address() as AddressInfo;
    const close = () => new Promise<void>((closed) => void server.close(() => closed()));
    resolve({ endpoint: { host: endpoint.host, port }, close, destroyConnections });
  });
  return promise;
}

/**
 * Names the connections to a socket file, and closes those that come when few file descriptors are
 * left. One `accept` that finds none is the last on Deno 2.9.2, and on a socket file nothing makes it
 * accept again: see {@linkcode keepAccepting}.
 */
function takeUnix(
  endpoint: UnixEndpoint,
  onConnection: (socket: Socket) => void,
): (socket: Socket) => void {
  const name = formatEndpoint(endpoint);
  const descriptors = watchDescriptors(SPARE_DESCRIPTORS);
  return (socket) => {
    if (!descriptors.use()) return void socket.destroy();
    nameUnixPeer(socket, name);
    onConnection(socket);
  };
}

/** Closes a server on a socket file, and removes the file if it is still the one that this server made. */
function unixClose(
  server: Server,
  { path }: UnixEndpoint,
  { allClosed }: Connections,
): Listener["close"] {
  const file = identify(path);
  return () => closeUnixServer(server, file !== undefined && isThere(path, file), allClosed);
}

function listenError(endpoint: Endpoint, error: unknown): ListenError {
  const why = "path" in endpoint ? unixReason(error) : tcpReason(error, endpoint.host);
  return new ListenError("listen", endpoint, why, error);
}

function tcpReason(error: unknown, host: string): string {
  const [, zone] = host.split("%", 2);
  switch (codeOf(error)) {
    case "EADDRINUSE":
      return "the port is in use";
    case "EACCES":
      return "not allowed";
    // On Deno 2.9.2 the lookup of an address whose zone does not fit it ends with this code.
    case "EPERM":
      return zone === undefined ? messageOf(error) : zoneReason(zone);
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return "unknown host";
    case "EADDRNOTAVAIL":
    case "EINVAL":
      return "not an address of this machine";
    default:
      return messageOf(error);
  }
}

function zoneReason(zone: string): string {
  return `the zone ${zone} does not go with this address; only link-local addresses (fe80::) have ` +
    "one, the name of their interface";
}

function unixReason(error: unknown): string {
  switch (codeOf(error)) {
    case "EADDRINUSE":
      return "a program listens there";
    case "EACCES":
    case "EPERM":
      return "not allowed";
    case "ENOENT":
      return "its folder does not exist";
    default:
      return messageOf(error);
  }
}
