import { type ChannelCredentials, type ChannelOptions, credentials } from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import { type DetailedPeerCertificate, getCACertificates, type PeerCertificate } from "node:tls";
import { readAuthorities, readIdentity } from "../contract/tls_files.ts";
import { serverCertificateFault } from "../workarounds/forged_certificates.ts";
import { isIp, type Target } from "./target.ts";

/** How a client speaks TLS with a server. */
export interface ClientTls {
  /** The file with the authorities that are trusted, PEM; without it, the system's. */
  readonly ca?: string;
  /** The files of the client's own certificate and its key, PEM, for a server that demands one. */
  readonly identity?: { readonly cert: string; readonly key: string };
  /** What the server's certificate has to name, in place of the target's host. */
  readonly serverName?: string;
  /** Does not verify who the server is. */
  readonly insecure: boolean;
}

/**
 * Makes the credentials of a channel that speaks TLS, and the options that go with them.
 *
 * @throws {ExpectedError} if a file cannot be used
 */
export async function tlsChannel(
  target: Target,
  tls: ClientTls,
): Promise<readonly [ChannelCredentials, ChannelOptions]> {
  const options = await tlsOptions(target, tls);
  const { ca, key, cert, servername, rejectUnauthorized, checkServerIdentity } = options;
  return [credentials.createSsl(ca, key, cert, { rejectUnauthorized, checkServerIdentity }), {
    "grpc.ssl_target_name_override": servername,
    ...(tls.serverName === undefined ? {} : { "grpc.default_authority": tls.serverName }),
  }];
}

/**
 * Makes the options of node:tls for a connection to a server.
 *
 * @throws {ExpectedError} if a file cannot be used
 */
export async function tlsOptions(target: Target, tls: ClientTls) {
  const [roots, identity] = await Promise.all([
    tls.insecure ? [] : trustedRoots(tls.ca),
    tls.identity && readIdentity(tls.identity.cert, tls.identity.key),
  ]);
  // What the certificate has to name. A list of addresses has nothing in common; it is only reached
  // without a name where the server is not verified.
  const host = tls.serverName ?? target.host ?? "localhost";
  return {
    ...identity,
    ...(tls.insecure ? {} : { ca: Buffer.from(roots.join("\n")) }),
    servername: sentName(host),
    ALPNProtocols: ["h2"],
    // Always given: without it Deno reads NODE_TLS_REJECT_UNAUTHORIZED.
    rejectUnauthorized: !tls.insecure,
    // Not the name that node:tls passes: that is the SNI, which sentName may have changed.
    checkServerIdentity: (_: string, certificate: PeerCertificate) =>
      serverCertificateFault(host, certificate as DetailedPeerCertificate, roots),
  };
}

async function trustedRoots(ca: string | undefined): Promise<readonly string[]> {
  if (ca !== undefined) return await readAuthorities(ca);
  const system = getCACertificates("system");
  // A container image may have none (distroless/static has none): Mozilla's are built into Deno.
  return system.length > 0 ? system : getCACertificates("bundled");
}

/**
 * The SNI for grpc-js. It may not be an IP address (RFC 6066, section 3), and node:tls throws at one.
 * In the forms below node:tls does not recognise the address, and Deno sends no SNI.
 */
function sentName(host: string): string {
  switch (isIp(host)) {
    case "ipv4":
      return `${host}.`;
    case "ipv6":
      return `[${host}]`;
    default:
      return host;
  }
}
