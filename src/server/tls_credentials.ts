import { ServerCredentials } from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import { serverRoots } from "../workarounds/missing_roots.ts";
import { readAuthorities, readIdentity } from "../contract/tls_files.ts";

/** The files that TLS needs, PEM. */
export interface TlsFiles {
  /** The certificate, followed by those that lead to its root. */
  readonly cert: string;
  /** Its private key. */
  readonly key: string;
  /** The authorities of client certificates; where given, a client has to show one (mTLS). */
  readonly clientCa?: string;
}

/**
 * Reads and checks the files. TLS 1.2 and up, ALPN h2 only: the defaults of grpc-js and Deno.
 *
 * @throws {TlsError} if a file is missing, unreadable, not PEM, expired, or does not match
 */
export async function readTlsCredentials(files: TlsFiles): Promise<ServerCredentials> {
  const [{ cert, key }, clientCa] = await Promise.all([
    readIdentity(files.cert, files.key),
    files.clientCa === undefined ? undefined : readAuthorities(files.clientCa),
  ]);
  return ServerCredentials.createSsl(
    serverRoots(cert, clientCa && Buffer.from(clientCa.join("\n"))),
    [{ cert_chain: cert, private_key: key }],
    clientCa !== undefined,
  );
}
