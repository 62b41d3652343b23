/**
 * Deno accepts forged certificates of servers.
 *
 * - What is wrong: where a certificate is of X.509 version 1 or malformed, node:tls compares names
 *   alone: neither the signatures nor a proof of the private key are asked for, so that anybody could
 *   pass for any server.
 * - Versions: Deno 2.9.2 to 2.9.6.
 * - Upstream: `NodeServerCertVerifier` in
 *   https://github.com/denoland/deno/blob/v2.9.2/ext/node/ops/tls_wrap.rs
 * - Measured: a server with a forged certificate of version 1 was called without this file and is
 *   refused with it.
 * - Fails: without it the tests of forged_v1.pem and forged_chain.pem in tests/client/tls_test.ts.
 * - It can go when these tests pass without.
 */
import { Buffer } from "node:buffer";
import { X509Certificate } from "node:crypto";
import { checkServerIdentity, type DetailedPeerCertificate } from "node:tls";
import { validityFault } from "../contract/tls_files.ts";

/** More authorities than any real chain has between a server and a root. */
const MAX_DEPTH = 8;

/**
 * Checks the certificate of a server once more than node:tls does: that it names the host, and that
 * signatures lead from it to a root.
 *
 * A certificate of version 1 cannot hold the subjectAltName that is demanded here.
 *
 * @param host a DNS name or an IP address
 * @param roots the trusted authorities, PEM
 * @returns what is wrong with it; undefined if nothing is
 */
export function serverCertificateFault(
  host: string,
  certificate: DetailedPeerCertificate,
  roots: readonly string[],
): Error | undefined {
  if (!certificate.subjectaltname) {
    return new Error("the certificate names no host (subjectAltName)");
  }
  const chain = presentedChain(certificate);
  if (!leadsToRoot(chain, roots)) {
    return new Error("the certificate is not signed by a trusted authority");
  }
  return checkServerIdentity(host, certificate);
}

function presentedChain(leaf: DetailedPeerCertificate): X509Certificate[] {
  const chain: X509Certificate[] = [];
  let current: DetailedPeerCertificate | undefined = leaf;
  while (current !== undefined && chain.length <= MAX_DEPTH) {
    chain.push(new X509Certificate(Buffer.from(current.raw)));
    // A root is its own issuer.
    current = current.issuerCertificate === current ? undefined : current.issuerCertificate;
  }
  return chain;
}

function leadsToRoot(
  chain: readonly X509Certificate[],
  roots: readonly string[],
): boolean {
  const trusted = roots.map((pem) => new X509Certificate(pem));
  // Systems keep roots that have expired, and Deno does not look at the dates of one.
  const isSignedByValid = (certificate: X509Certificate, root: X509Certificate) =>
    isSignedBy(certificate, root) && isValid(root);
  let current = chain[0]!;
  for (let depth = 0; depth <= MAX_DEPTH; depth++) {
    if (!isValid(current)) return false;
    if (trusted.some((root) => isSame(current, root) || isSignedByValid(current, root))) {
      return true;
    }
    const issuer = chain.find((other) =>
      other.ca && !isSame(other, current) && isSignedBy(current, other)
    );
    if (issuer === undefined) return false;
    current = issuer;
  }
  return false;
}

function isValid(certificate: X509Certificate): boolean {
  return validityFault(certificate) === undefined;
}

function isSame(one: X509Certificate, other: X509Certificate): boolean {
  return one.raw.equals(other.raw);
}

function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  // Names first: they are cheap to compare, and a store of roots holds some hundred.
  return certificate.issuer === issuer.subject && certificate.verify(issuer.publicKey);
}
