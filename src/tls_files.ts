import { Buffer } from "node:buffer";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { TlsError } from "./tls_error.ts";

/** A certificate with its private key, PEM, as they were read. */
export interface Identity {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/**
 * Reads a certificate, followed by those that lead to its root, and its private key.
 *
 * @throws {TlsError} if a file is missing, unreadable, not PEM, expired, or does not match
 */
export async function readIdentity(certPath: string, keyPath: string): Promise<Identity> {
  const [cert, key] = await Promise.all([readFile(certPath), readFile(keyPath)]);
  const [leaf] = parseCertificates(certPath, cert);
  checkValidity(certPath, leaf);
  checkKey(keyPath, key, leaf, certPath);
  return { cert, key };
}

/**
 * Reads the certificates of authorities.
 *
 * @throws {TlsError} if the file is missing, unreadable, not PEM, or if the first one has expired
 */
export async function readAuthorities(path: string): Promise<Buffer> {
  const pem = await readFile(path);
  const [first] = parseCertificates(path, pem);
  checkValidity(path, first);
  return pem;
}

/** Splits PEM into its certificates; what is none is left out. */
export function splitPem(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs) ?? [];
}

async function readFile(path: string): Promise<Buffer> {
  try {
    return Buffer.from(await Deno.readFile(path));
  } catch (error) {
    throw new TlsError(`cannot read ${path}: ${(error as Error).message}`);
  }
}

function parseCertificates(path: string, pem: Buffer): [X509Certificate, ...X509Certificate[]] {
  try {
    const [first, ...rest] = splitPem(pem.toString("latin1"))
      .map((part) => new X509Certificate(part));
    if (first !== undefined) return [first, ...rest];
  } catch {
    // Below.
  }
  throw new TlsError(`${path} holds no PEM certificate`);
}

function checkValidity(path: string, certificate: X509Certificate): void {
  const now = Date.now();
  if (Date.parse(certificate.validTo) < now) {
    throw new TlsError(`the certificate in ${path} expired on ${certificate.validTo}`);
  }
  if (Date.parse(certificate.validFrom) > now) {
    throw new TlsError(`the certificate in ${path} is not valid before ${certificate.validFrom}`);
  }
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
