import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { acceptedSocket } from "../../workarounds/private_parts.ts";
import { nameUnixPeer, unixPeer } from "../../workarounds/unknown_unix_peers.ts";
import { limitStart } from "./connections.ts";
import { type Protocol, tellProtocol } from "./first_bytes.ts";
import { readTls, type StartTls, type TlsFiles } from "./tls_server.ts";

/** The shortest HTTP/2 connection start: the preface (24 bytes) and an empty SETTINGS frame (9). */
const PREFACE_BYTES = 33;

/** Where a connection goes, once it is known what it speaks. */
export interface Ways {
  http2(socket: Socket): void;
  /** Absent where HTTP/2 alone is spoken. */
  http1?(socket: Socket): void;
}

/** The way in for every connection. */
export interface Door {
  /** Takes in a connection of which nothing has been read. */
  enter(socket: Socket): void;
  /**
   * Reads the TLS files again, for the connections to come. Without TLS it does nothing.
   *
   * @throws {ExpectedError} if one cannot be used; the old ones stay in use
   */
  reloadTls(): Promise<void>;
}

/**
 * Makes the way in: a handshake where there is TLS, then HTTP/2 or HTTP/1.1, as the client chose by
 * ALPN or as the first bytes tell. A connection that takes too long for this is closed.
 *
 * @throws {ExpectedError} if a TLS file cannot be used
 */
export async function openDoor(tls: TlsFiles | undefined, ways: Ways): Promise<Door> {
  const { http2, http1 } = ways;
  const told = new WeakMap<Socket, Protocol>();
  const enter = (socket: Socket, accepted: Socket, protocol: Protocol) => {
    told.set(accepted, protocol);
    if (protocol === "http1") http1?.(socket);
    else http2(socket);
  };
  const tell = (socket: Socket, accepted: Socket) =>
    tellProtocol(socket, (protocol) => {
      enter(socket, accepted, protocol);
      // The side of HTTP/1.1 may have to be loaded first, and goes on by itself.
      if (protocol === "http2") socket.resume();
    });
  const enterSecurely = (socket: TLSSocket) => {
    const accepted = acceptedSocket(socket);
    const peer = unixPeer(accepted);
    if (peer !== undefined) nameUnixPeer(socket, peer);
    if (socket.alpnProtocol === "h2") enter(socket, accepted, "http2");
    else if (http1 === undefined) socket.destroy();
    else tell(socket, accepted);
  };
  const protocols = http1 === undefined ? ["h2"] : ["h2", "http/1.1"];
  const readFiles = async (): Promise<StartTls | undefined> =>
    tls && await readTls(tls, protocols, enterSecurely);
  let startTls = await readFiles();
  const isLate = (socket: Socket) => {
    const protocol = told.get(socket);
    // The handshake of TLS alone has more bytes than that.
    return protocol === undefined || protocol === "http2" && socket.bytesRead < PREFACE_BYTES;
  };
  return {
    enter(socket) {
      limitStart(socket, isLate);
      if (startTls !== undefined) startTls(socket);
      else if (http1 === undefined) enter(socket, socket, "http2");
      else tell(socket, socket);
    },
    async reloadTls() {
      startTls = await readFiles();
    },
  };
}
