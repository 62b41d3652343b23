import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import type { Endpoint } from "../../contract/endpoint.ts";
import type { ServerEvents } from "../../contract/events.ts";
import { acceptedSocket } from "../../workarounds/private_parts.ts";
import { nameUnixPeer, unixPeer } from "../../workarounds/unknown_unix_peers.ts";
import { LIMITS } from "../limits.ts";
import { setTimeoutUntilClose } from "./connections.ts";
import { detectHttpVersion, type HttpVersion } from "./first_bytes.ts";
import { type Accept, acceptAll } from "./listen.ts";
import { readTls, type StartTls, type TlsFiles } from "./tls_server.ts";

/** The shortest HTTP/2 connection start: the preface (24 bytes) and an empty SETTINGS frame (9). */
const PREFACE_BYTES = 33;

/** Where connections come in, and with which TLS. */
export interface DoorOptions {
  /** One endpoint or more. */
  readonly endpoints: readonly Endpoint[];
  /** The files for TLS; absent: plain text. */
  readonly tls?: TlsFiles;
}

/** What takes over a connection, by the version of HTTP that it speaks. */
export interface ConnectionHandlers {
  readonly http2: (socket: Socket) => void;
  /** Absent where HTTP/2 alone is spoken. */
  readonly http1?: ((socket: Socket) => void) | undefined;
}

/** The way in for every connection. */
export interface Door {
  /** Where it listens, with the real ports, in the order of the options. */
  readonly endpoints: readonly Endpoint[];
  /**
   * Reads the TLS files again, for the connections to come. Without TLS it does nothing.
   *
   * @throws {ExpectedError} if one cannot be used; the old ones stay in use
   */
  reloadTls(): Promise<void>;
  /** Stops accepting at once; connections stay open. Waits until the last of them has closed. */
  close(): Promise<void>;
  /** Closes every connection at once, whatever is in flight. */
  destroyConnections(): void;
}

/**
 * Accepts connections and hands each over.
 *
 * @param events each connection is reported to them
 * @throws {ExpectedError} if a TLS file cannot be used
 * @throws {ListenError} if an endpoint cannot be listened on
 */
export async function openDoor(
  { endpoints, tls }: DoorOptions,
  handlers: ConnectionHandlers,
  events: Pick<ServerEvents, "connectionOpened" | "connectionClosed">,
  accept: Accept,
): Promise<Door> {
  const { enter, reloadTls } = await openEntrance(tls, handlers);
  const listeners = await acceptAll(accept, endpoints, (socket) => {
    events.connectionOpened?.();
    socket.once("close", () => events.connectionClosed?.());
    enter(socket);
  });
  return {
    endpoints: listeners.map(({ endpoint }) => endpoint),
    reloadTls,
    async close() {
      await Promise.all(listeners.map((listener) => listener.close()));
    },
    destroyConnections: () => listeners.forEach((listener) => listener.destroyConnections()),
  };
}

/** Takes in connections of which nothing has been read. */
interface Entrance extends Pick<Door, "reloadTls"> {
  enter(socket: Socket): void;
}

/**
 * Does the handshake where there is TLS, then tells HTTP/2 from HTTP/1.1, as the client chose by ALPN
 * or by the first bytes. A connection that takes too long for this is closed.
 *
 * @throws {ExpectedError} if a TLS file cannot be used
 */
async function openEntrance(
  tls: TlsFiles | undefined,
  { http2, http1 }: ConnectionHandlers,
): Promise<Entrance> {
  const detected = new WeakMap<Socket, HttpVersion>();
  const handOver = (socket: Socket, accepted: Socket, version: HttpVersion) => {
    detected.set(accepted, version);
    if (version === "http1") http1?.(socket);
    else http2(socket);
  };
  const detect = (socket: Socket, accepted: Socket) =>
    detectHttpVersion(socket, (version) => {
      handOver(socket, accepted, version);
      // What answers HTTP/1.1 may have to be loaded first, and resumes the socket itself.
      if (version === "http2") socket.resume();
    });
  const enterSecurely = (socket: TLSSocket) => {
    const accepted = acceptedSocket(socket);
    const peer = unixPeer(accepted);
    if (peer !== undefined) nameUnixPeer(socket, peer);
    if (socket.alpnProtocol === "h2") handOver(socket, accepted, "http2");
    else if (http1 === undefined) socket.destroy();
    else detect(socket, accepted);
  };
  const protocols = http1 === undefined ? ["h2"] : ["h2", "http/1.1"];
  const readFiles = async (): Promise<StartTls | undefined> =>
    tls && await readTls(tls, protocols, enterSecurely);
  let startTls = await readFiles();
  return {
    enter(socket) {
      setTimeoutUntilClose(socket, LIMITS.prefaceMs, () => {
        if (!hasBegun(socket, detected.get(socket))) socket.destroy();
      });
      if (startTls !== undefined) startTls(socket);
      else if (http1 === undefined) handOver(socket, socket, "http2");
      else detect(socket, socket);
    },
    async reloadTls() {
      startTls = await readFiles();
    },
  };
}

/** Whether a client has sent what its protocol begins with: grpc-js would wait for it for ever. */
function hasBegun({ bytesRead }: Socket, version: HttpVersion | undefined): boolean {
  // With TLS `bytesRead` counts its handshake, which alone has more bytes: then ALPN has to do.
  return version === "http1" || version === "http2" && bytesRead >= PREFACE_BYTES;
}
