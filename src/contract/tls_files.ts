import { Buffer } from "node:buffer";
import { createPrivateKey, X509Certificate } from "node:crypto";
import { ExpectedError, fileFault } from "../text/errors.ts";

/** A certificate with its private key, PEM, as they were read. */
export interface Identity {
  readonly cert: Buffer;
  readonly key: Buffer;
}

/**
 * Reads a certificate, followed by those that lead to its root, and its private key.
 *
 * @throws {ExpectedError} if a file is missing, unreadable, not PEM, expired, or does not match
 */
export async function readIdentity(certPath: string, keyPath: string): Promise<Identity> {
  const [cert, key] = await Promise.all([readFile(certPath), readFile(keyPath)]);
  const [leaf] = parseCertificates(certPath, cert);
  checkValidity(certPath, leaf);
  checkKey(keyPath, key, leaf, certPath);
  return { cert, key };
}

/**
 * Reads the certificates of authorities that are valid now: rustls, and so Deno, does not check the
 * dates of a root. A file often holds the last or the next authority beside the one in use.
 *
 * @returns at least one, each PEM
 * @throws {ExpectedError} if the file is missing, unreadable, not PEM, or none of them is valid now
 */
export async function readAuthorities(path: string): Promise<readonly string[]> {
  const certificates = parseCertificates(path, await readFile(path));
  const valid = certificates.filter((certificate) => validityFault(certificate) === undefined);
  if (valid.length === 0) checkValidity(path, certificates[0]);
  return valid.map((certificate) => certificate.toString());
}

/** Says why a certificate is not valid now, after its name; undefined if it is. */
export function validityFault(
  { validFrom, validTo }: { readonly validFrom: string; readonly validTo: string },
): string | undefined {
  const now = Date.now();
  if (Date.parse(validTo) < now) return `expired on ${validTo}`;
  return Date.parse(validFrom) > now ? `is not valid before ${validFrom}` : undefined;
}

/** Splits PEM into its certificates; keys and text between them are left out. */
function splitPem(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----/gs) ?? [];
}

async function readFile(path: string): Promise<Buffer> {
  try {
    return Buffer.from(await Deno.readFile(path));
  } catch (error) {
    throw new ExpectedError(`cannot read ${path}: ${fileFault(error)}`);
  }
}

function parseCertificates(path: string, pem: Buffer): [X509Certificate, ...X509Certificate[]] {
  try {
    const [first, ...rest] = splitPem(pem.toString("latin1"))
      .map((part) => new X509Certificate(part));
    if (first !== undefined) return [first, ...rest];
  } catch {
    // The same error as for a file without certificates, below.
  }
  throw new ExpectedError(`${path} holds no PEM certificate`);
}

function checkValidity(path: string, certificate: X509Certificate): void {
  const fault = validityFault(certificate);
  if (fault !== undefined) throw new ExpectedError(`the certificate in ${path} ${fault}`);
}

function checkKey(path: string, pem: Buffer, certificate: X509Certificate, certPath: string): void {
  let key;
  try {
    key = createPrivateKey(pem);
  } catch {
    throw new ExpectedError(`${path} holds no PEM private key without a passphrase`);
  }
  if (!certificate.checkPrivateKey(key)) {
    throw new ExpectedError(`the key in ${path} does not belong to the certificate in ${certPath}`);
  }
}
