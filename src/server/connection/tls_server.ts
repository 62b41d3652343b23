import type { Socket } from "node:net";
import { createServer, type Server, type TLSSocket } from "node:tls";
import { readAuthorities, readIdentity } from "../../contract/tls_files.ts";

/** The files that TLS needs, PEM. */
export interface TlsFiles {
  /** The certificate, followed by those that lead to its root. */
  readonly cert: string;
  /** Its private key. */
  readonly key: string;
  /** The authorities of client certificates; where given, a client has to show one (mTLS). */
  readonly clientCa?: string;
}

/** Takes over a connection of which nothing has been read, and begins with the handshake. */
export type StartTls = (socket: Socket) => void;

/**
 * Reads and checks the files, and makes what does the handshakes with them. TLS 1.2 and up: the default
 * of Deno.
 *
 * @param protocols what is offered by ALPN, the best first
 * @param onSecure takes over a connection after its handshake
 * @throws {ExpectedError} if a file is missing, unreadable, not PEM, expired, or does not match
 * @see https://www.rfc-editor.org/rfc/rfc7301
 */
export async function readTls(
  files: TlsFiles,
  protocols: readonly string[],
  onSecure: (socket: TLSSocket) => void,
): Promise<StartTls> {
  const [{ cert, key }, clientCa] = await Promise.all([
    readIdentity(files.cert, files.key),
    files.clientCa === undefined ? undefined : readAuthorities(files.clientCa),
  ]);
  const server: Server = createServer({
    cert,
    key,
    ALPNProtocols: [...protocols],
    ...(clientCa === undefined
      ? {}
      : { ca: [...clientCa], requestCert: true, rejectUnauthorized: true }),
  }, onSecure);
  server.on("tlsClientError", (_, socket) => socket.destroy());
  return (socket) => void server.emit("connection", socket);
}
