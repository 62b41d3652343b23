/** Why calls and connections fail, in words for an error line. */
import { type ServiceError, status } from "@grpc/grpc-js";
import { statusName } from "../contract/status_codes.ts";
import { formatDuration } from "../text/amounts.ts";
import { escapeControls } from "../text/escape.ts";

/** Tells a failed call from any other error. */
export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error &&
    typeof (error as Partial<ServiceError>).code === "number" &&
    typeof (error as Partial<ServiceError>).details === "string";
}

/** A failed call in the words of an error line. */
export interface FailureDescription {
  /** The gRPC status code. */
  readonly code: number;
  /** Its name: `UNAVAILABLE` for 14. */
  readonly name: string;
  /** What happened, not escaped: the server's own words where it gave any. */
  readonly reason: string;
  /** No server is there: nothing listens on the port, or the socket file does not exist. */
  readonly absent: boolean;
}

/** The parts of a status that say why a call failed; grpc-js's error of the call has them too. */
export interface FailedStatus {
  readonly code: number;
  readonly details: string;
  /** What a diagnosis has found out. */
  readonly reason?: string;
}

/** An error of node:net or node:tls. */
export interface SocketError {
  /** Absent for the errors of our own check of certificates, and where grpc-js gives the message alone. */
  readonly code?: string;
  readonly message: string;
}

export const REFUSED = "connection refused";
export const NO_FILE = "no such socket file";
export const BROKE = "the connection broke, is this a gRPC server?";
export const BROKE_HTTP2 = "the server broke HTTP/2";
// Deno reports a certificate that has expired with the same error.
export const UNTRUSTED = "the server's certificate is not signed by a trusted authority";
const UNKNOWN_HOST = "unknown host, check the name";
const NO_TLS = "the server does not speak TLS, call it without";
const NO_CLIENT_CERTIFICATE = "the server demands a client certificate";
const NO_REASON = "no reason given";

/** Details of grpc-js that only its developers can read, in other words. */
const REASON_OF_DETAILS: Readonly<Record<string, string>> = {
  "Connection dropped": "the connection broke",
  "Received RST_STREAM with code 0 (Call ended without gRPC status)":
    "the server ended the answer without a status",
};

/** The details of grpc-js where a deadline passed before there was a connection. */
const NEVER_CONNECTED = /^Deadline exceeded after .*(?:Waiting for LB pick|name resolution$)/;
/** The details of other implementations of gRPC, and of grpc-js's `cancel`, where a deadline passed. */
const OWN_DEADLINE = /^(?:(?:context )?deadline exceeded|Cancelled on client$|$)/i;
/** The details of grpc-js where a server reset the call with ENHANCE_YOUR_CALM (RFC 9113, section 7). */
const CALMED = "Bandwidth exhausted or memory limit exceeded";

/**
 * Describes a failed call, without those parts of grpc-js's messages that only its developers can
 * read. An error without a status is a fault of the client: it is described as INTERNAL, not thrown,
 * so that the results of a batch's other calls are still printed.
 *
 * @param timeoutMs the deadline that the call had, in milliseconds
 */
export function describeFailure(error: unknown, timeoutMs: number): FailureDescription {
  if (!isServiceError(error)) {
    const reason = `a fault of the client: ${error}`;
    return { code: status.INTERNAL, name: "INTERNAL", reason, absent: false };
  }
  const { code } = error;
  const reason = code === status.DEADLINE_EXCEEDED
    ? deadlineReason(error, formatDuration(timeoutMs))
    : failureReason(error);
  return {
    code,
    name: statusName(code),
    reason,
    absent: code === status.UNAVAILABLE && (reason === REFUSED || reason === NO_FILE),
  };
}

/**
 * A failed call in one line, escaped: `UNAVAILABLE from localhost:50051: connection refused`.
 *
 * @param target the name of the server
 * @param remark follows the reason
 */
export function failureLine(
  { name, reason }: FailureDescription,
  target: string,
  remark = "",
): string {
  return escapeControls(`${name} from ${target}: ${reason}${remark}`);
}

function deadlineReason({ details, reason }: FailedStatus, timeout: string): string {
  if (reason !== undefined) return `no connection within ${timeout}: ${reason}`;
  if (NEVER_CONNECTED.test(details)) return `no HTTP/2 connection within ${timeout}`;
  // Else it is the deadline of another call, which the server has made to answer this one.
  return OWN_DEADLINE.test(details) ? `no answer within ${timeout}` : details;
}

function failureReason(failed: FailedStatus): string {
  const { details, reason } = failed;
  if (reason !== undefined) return reason;
  if (isCalmed(failed)) return "the server refused it as too much (ENHANCE_YOUR_CALM)";
  if (isOfConnection(failed)) return connectionReason(details);
  return REASON_OF_DETAILS[details] ?? (details || NO_REASON);
}

/** Whether a deadline passed before there was a connection. */
export function isNeverConnected({ code, details }: FailedStatus): boolean {
  return code === status.DEADLINE_EXCEEDED && NEVER_CONNECTED.test(details);
}

/** Whether a server has refused a call as too much, most often for the size of its headers. */
export function isCalmed({ code, details }: FailedStatus): boolean {
  return code === status.RESOURCE_EXHAUSTED && details === CALMED;
}

/** Whether a status comes from an error of the connection, and not from a server. */
export function isOfConnection({ code, details }: FailedStatus): boolean {
  return code === status.UNAVAILABLE &&
    (/^(?:round_robin: )?No connection established|^Name resolution failed/.test(details) ||
      BROKEN.test(details));
}

/** Messages of node:net and node:stream, and at the end one of grpc-js. */
const BROKEN = /ECONNRESET|EPIPE|write after end|socket hang up|Socket closed|^Failed to connect$/;

/** What is wrong with a connection, from the details of a status that comes from its error. */
export function connectionReason(details: string): string {
  // Of grpc-js's resolver.
  if (details.startsWith("Name resolution failed")) return UNKNOWN_HOST;
  // What grpc-js puts around the message of a socket's error.
  const message = details
    .replace(/^(?:(?:round_robin: )?No connection established\. Last error: )+/, "")
    .replace(/\.? ?Resolution note: .*$/s, "")
    .replace(/ \(\d{4}-\d\d-\d\dT[\d:.]+Z\)\.?$/, "")
    .replace(/^(?:Type)?Error(?: \[\w+\])?: /, "")
    // Of src/http2/, which also says it of clients.
    .replace(/^HTTP\/2 protocol error/, BROKE_HTTP2);
  return socketErrorReason({ message });
}

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

/** What is wrong with a connection, from the error of its socket. */
export function socketErrorReason({ message, code = codeIn(message) }: SocketError): string {
  return REASON_OF_CODE[code] ?? tlsReason(message, code) ??
    (BROKEN.test(message) ? BROKE : message || NO_REASON);
}

/** The messages of node:net have the code: `connect ECONNREFUSED 127.0.0.1:1`. */
function codeIn(message: string): string {
  return /\b(?:E[A-Z]{3,}|EAI_AGAIN)\b/.exec(message)?.[0] ?? "";
}

/** The messages are those of Deno's node:tls and of src/workarounds/forged_certificates.ts. */
function tlsReason(message: string, code: string): string | undefined {
  // Deno has it from rustls.
  if (message.includes("InvalidContentType")) return NO_TLS;
  const [, names] = /^Hostname\/IP does not match certificate's altnames: (.*)$/s.exec(message) ??
    [];
  if (names !== undefined) return `the server's certificate is for another name: ${names}`;
  if (
    /issuer certificate|self-signed certificate|first certificate|trusted authority/.test(message)
  ) {
    return UNTRUSTED;
  }
  if (message.includes("names no host")) {
    return "the server's certificate names no host (subjectAltName)";
  }
  // The name that rustls has for an alert of the server: several alerts have one code.
  const [, alert = isTlsAlert({ code, message }) ? code : undefined] =
    /received fatal alert: (\w+)/.exec(message) ?? [];
  if (alert === "CertificateRequired") return NO_CLIENT_CERTIFICATE;
  return alert && `the server refused the TLS connection (alert ${alert})`;
}

/** Whether a server has refused TLS with an alert (RFC 8446, section 6). */
export function isTlsAlert({ code = "" }: SocketError): boolean {
  return /^ERR_SSL_\w+_ALERT_/.test(code);
}
