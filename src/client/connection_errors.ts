/** The texts for errors that prevent a client's connection, or break it. */

/** An error of node:net or node:tls. */
export interface SocketError {
  /** Absent for the errors of our own check of certificates. */
  readonly code?: string;
  readonly message: string;
}

export const REFUSED = "connection refused";
export const NO_FILE = "no such socket file";
export const BROKE = "the connection broke, is this a gRPC server?";
// Deno reports a certificate that has expired with the same error.
export const UNTRUSTED = "the server's certificate is not signed by a trusted authority";
const UNKNOWN_HOST = "unknown host, check the name";
const NO_TLS = "the server does not speak TLS, call it without";
const NO_CLIENT_CERTIFICATE = "the server demands a client certificate";

const REASON_OF_CODE: Readonly<Record<string, string>> = {
  EACCES: "not allowed to connect to it",
  EAI_AGAIN: UNKNOWN_HOST,
  ECONNREFUSED: REFUSED,
  ECONNRESET: BROKE,
  ENOENT: NO_FILE,
  ENOTDIR: "a part of its path is no directory",
  ENOTFOUND: UNKNOWN_HOST,
  EPIPE: BROKE,
  ETIMEDOUT: "the address does not answer",
  DEPTH_ZERO_SELF_SIGNED_CERT: UNTRUSTED,
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  ERR_SSL_WRONG_VERSION_NUMBER: NO_TLS,
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: NO_CLIENT_CERTIFICATE,
};

/** Whether a server has refused TLS with an alert (RFC 8446, section 6). */
export function isTlsAlert({ code = "" }: SocketError): boolean {
  return /^ERR_SSL_\w+_ALERT_/.test(code);
}

/** What is wrong with a connection, from the error of a socket of our own. */
export function socketErrorReason(error: SocketError): string {
  const { code = "", message } = error;
  const known = REASON_OF_CODE[code];
  if (known !== undefined) return known;
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return otherName(message);
  // Deno 2.9.2 gives several alerts one code: only the message has the name.
  if (isTlsAlert(error)) return refusedTls(alertIn(message) ?? code);
  // The errors of src/workarounds/forged_certificates.ts have no code.
  return (code === "" ? certificateFault(message) : undefined) ?? (message || "no reason given");
}

/**
 * What is wrong with a connection, from the details that grpc-js gives to the status of a call: it has
 * only the message of the socket's error in them, not its code.
 */
export function grpcDetailsReason(details: string): string {
  // Of grpc-js's resolver.
  if (details.startsWith("Name resolution failed")) return UNKNOWN_HOST;
  const message = socketMessage(details);
  // Of node:net: `connect ECONNREFUSED 127.0.0.1:1`.
  const code = /\b(?:E[A-Z]{3,}|EAI_AGAIN)\b/.exec(message)?.[0] ?? "";
  const known = REASON_OF_CODE[code];
  if (known !== undefined) return known;
  // Of Deno's node:tls, which has it from rustls.
  if (message.includes("InvalidContentType")) return NO_TLS;
  const fault = certificateFault(message) ?? alertReason(message);
  return fault ?? (BROKEN.test(message) ? BROKE : message || "no reason given");
}

/** Whether the details of a status come from an error of the connection, and not from a server. */
export function areOfConnection(details: string): boolean {
  return /^(?:round_robin: )?No connection established|^Name resolution failed/.test(details) ||
    BROKEN.test(details);
}

/** Messages of node:net and node:stream, and at the end one of grpc-js. */
const BROKEN = /ECONNRESET|EPIPE|write after end|socket hang up|Socket closed|^Failed to connect$/;

/** Leaves out what grpc-js puts around the message of a socket's error. */
function socketMessage(details: string): string {
  return details
    .replace(/^(?:(?:round_robin: )?No connection established\. Last error: )+/, "")
    .replace(/\.? ?Resolution note: .*$/s, "")
    .replace(/ \(\d{4}-\d\d-\d\dT[\d:.]+Z\)\.?$/, "")
    .replace(/^(?:Type)?Error(?: \[\w+\])?: /, "");
}

/** The messages are those of Deno's node:tls and of src/workarounds/forged_certificates.ts. */
function certificateFault(message: string): string | undefined {
  if (message.startsWith("Hostname/IP does not match certificate's altnames: ")) {
    return otherName(message);
  }
  if (
    /issuer certificate|self-signed certificate|first certificate|trusted authority/.test(message)
  ) {
    return UNTRUSTED;
  }
  return message.includes("names no host")
    ? "the server's certificate names no host (subjectAltName)"
    : undefined;
}

function otherName(message: string): string {
  const names = message.slice(message.indexOf(": ") + 2);
  return `the server's certificate is for another name: ${names}`;
}

function alertReason(message: string): string | undefined {
  const alert = alertIn(message);
  if (alert === "CertificateRequired") return NO_CLIENT_CERTIFICATE;
  return alert && refusedTls(alert);
}

/** The name that rustls, and so Deno's node:tls, has for an alert of the server. */
function alertIn(message: string): string | undefined {
  return /received fatal alert: (\w+)/.exec(message)?.[1];
}

function refusedTls(alert: string): string {
  return `the server refused the TLS connection (alert ${alert})`;
}
