import { ServerCredentials } from "@grpc/grpc-js";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { Buffer } from "node:buffer";

/** The files that TLS needs, PEM. */
export interface TlsFiles {
  /** The certificate, followed by those that lead to its root. */
  readonly cert: string;
  /** Its private key. */
  readonly key: string;
  /** The authorities of client certificates; where given, a client has to show one (mTLS). */
  readonly clientCa?: string;
}

/** A TLS file cannot be used; the message names it and says why. */
export class TlsError extends Error {
  override name = "TlsError";
}

/**
 * Reads and checks the files. TLS 1.2 and up, ALPN h2 only: the defaults of grpc-js and Deno.
 *
 * @throws {TlsError} if a file is missing, unreadable, not PEM, expired, or does not match
 */
export async function readTlsCredentials(files: TlsFiles): Promise<ServerCredentials> {
  const [cert, key, clientCa] = await Promise.all([
    readFile(files.cert),
    readFile(files.key),
    files.clientCa === undefined ? undefined : readFile(files.clientCa),
  ]);
  const certificate = checkCertificate(files.cert, cert);
  checkKey(files.key, key, certificate, files.cert);
  if (clientCa) checkCertificate(files.clientCa!, clientCa);
  // Without root certificates every handshake fails on Deno 2.9 ("excessive message size"), so a
  // server that asks for no client certificate gives its own chain, which nothing is checked with.
  return ServerCredentials.createSsl(
    clientCa ?? cert,
    [{ cert_chain: cert, private_key: key }],
    clientCa !== undefined,
  );
}

async function readFile(path: string): Promise<Buffer> {
  try {
    return Buffer.from(await Deno.readFile(path));
  } catch (error) {
    throw new TlsError(`cannot read ${path}: ${(error as Error).message}`);
  }
}

function checkCertificate(path: string, pem: Buffer): X509Certificate {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
  } catch {
    throw new TlsError(`${path} holds no PEM certificate`);
  }
  const now = Date.now();
  if (Date.parse(certificate.validTo) < now) {
    throw new TlsError(`the certificate in ${path} expired on ${certificate.validTo}`);
  }
  if (Date.parse(certificate.validFrom) > now) {
    throw new TlsError(`the certificate in ${path} is not valid before ${certificate.validFrom}`);
  }
  return certificate;
}

function checkKey(path: string, pem: Buffer, certificate: X509Certificate, certPath: string): void {
  let key;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new TlsError(`${path} holds no PEM private key without a passphrase`);
  }
  if (!certificate.checkPrivateKey(key)) {
    throw new TlsError(`the key in ${path} does not belong to the certificate in ${certPath}`);
  }
}
