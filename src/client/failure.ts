import { type ServiceError, status } from "@grpc/grpc-js";
import type { Target } from "./target.ts";

/** Tells a failed call from any other error. */
export function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error &&
    typeof (error as Partial<ServiceError>).code === "number" &&
    typeof (error as Partial<ServiceError>).details === "string";
}

/** A failed call in the words of an error line. */
export interface Failure {
  /** The gRPC status code. */
  readonly code: number;
  /** Its name: `UNAVAILABLE` for 14. */
  readonly name: string;
  /** What happened, not escaped: the server's own words where it gave any. */
  readonly reason: string;
  /** No server is there: nothing listens on the port, or the socket file does not exist. */
  readonly absent: boolean;
}

const REFUSED = "connection refused";
const NO_FILE = "no such socket file";
const BROKE = "the connection broke, is this a gRPC server?";

// Deno says the same of a certificate that has expired.
const UNTRUSTED = "the server's certificate is not signed by a trusted authority";

/** How grpc-js says that a deadline passed before there was a connection. */
const NEVER_CONNECTED = /^Deadline exceeded after .*(?:Waiting for LB pick|name resolution$)/;
/** How implementations of gRPC, and our own watch, say that the deadline of this call passed. */
const OWN_DEADLINE = /^(?:(?:context )?deadline exceeded|Cancelled on client$|$)/i;
/** What stands for that once the reason is known. */
const NO_CONNECTION = "No connection before the deadline: ";

/**
 * Describes a failed call, without those parts of grpc-js's messages that only its developers can
 * read. What is no status of a call at all is a fault of the client's own: INTERNAL, with its message,
 * so that one call's fault does not take the others' results along.
 *
 * @param timeoutMs the deadline that the call had, in milliseconds
 */
export function describeFailure(error: unknown, timeoutMs: number): Failure {
  if (!isServiceError(error)) {
    const reason = `a fault of the client: ${error}`;
    return { code: status.INTERNAL, name: "INTERNAL", reason, absent: false };
  }
  const { code } = error;
  const own = reason(error, timeoutMs);
  return {
    code,
    name: status[code] ?? `status ${code}`,
    reason: own,
    absent: code === status.UNAVAILABLE && (own === REFUSED || own === NO_FILE),
  };
}

function reason({ code, details }: ServiceError, timeoutMs: number): string {
  if (code === status.DEADLINE_EXCEEDED) {
    if (details.startsWith(NO_CONNECTION)) {
      return `no connection within ${timeoutMs} ms: ${details.slice(NO_CONNECTION.length)}`;
    }
    // Some other deadline than ours, as it seems: the server has called another.
    if (!OWN_DEADLINE.test(details)) return details;
    return `no answer within ${timeoutMs} ms`;
  }
  if (code === status.UNAVAILABLE && isOfConnection(details)) {
    return describeConnectionError(details);
  }
  return details || "no reason given";
}

/** Tells the details that grpc-js makes from those that a server has sent. */
function isOfConnection(details: string): boolean {
  return /^(?:round_robin: )?No connection established|^Name resolution failed/.test(details) ||
    BROKEN.test(details);
}

/** What came of a call. */
interface Status {
  readonly code: number;
  readonly details: string;
}

/**
 * Tells a failure of which grpc-js does not say the reason, though another look at the server would
 * tell: it ended the connection before it said a word of HTTP/2, its certificate is not valid, there
 * never was a connection, or what refuses it need not be a socket file.
 */
export function isUnexplained({ code, details }: Status, { endpoint }: Target): boolean {
  if (code === status.DEADLINE_EXCEEDED) return NEVER_CONNECTED.test(details);
  if (code !== status.UNAVAILABLE || !isOfConnection(details)) return false;
  const known = describeConnectionError(details);
  return [BROKE, UNTRUSTED].includes(known) || "path" in endpoint && known !== NO_FILE;
}

/** Puts a reason that was found out into the status of a call. */
export function explained<S extends Status>(failed: S, why: string): S {
  const isLate = failed.code === status.DEADLINE_EXCEEDED;
  return { ...failed, details: isLate ? NO_CONNECTION + why : why };
}

const BROKEN = /ECONNRESET|EPIPE|write after end|socket hang up|Socket closed|^Failed to connect$/;

/** What is wrong with a connection, from the message of an error of grpc-js, node:net or node:tls. */
export function describeConnectionError(message: string): string {
  if (message.startsWith("Name resolution failed") || /\b(?:ENOTFOUND|EAI_AGAIN)\b/.test(message)) {
    return "unknown host, check the name";
  }
  const own = cause(message);
  if (own.includes("ECONNREFUSED")) return REFUSED;
  if (/\bENOENT\b/.test(own)) return NO_FILE;
  if (/\bENOTDIR\b/.test(own)) return "a part of its path is no directory";
  if (/\bEACCES\b/.test(own)) return "not allowed to connect to it";
  if (/\bETIMEDOUT\b/.test(own)) return "the address does not answer";
  if (own.includes("InvalidContentType")) return "the server does not speak TLS, call it without";
  return certificateProblem(own) ?? (BROKEN.test(own) ? BROKE : own || "no reason given");
}

/** Without what grpc-js puts around an error of node:net or node:tls. */
function cause(message: string): string {
  return message
    .replace(/^(?:(?:round_robin: )?No connection established\. Last error: )+/, "")
    .replace(/\.? ?Resolution note: .*$/s, "")
    .replace(/ \(\d{4}-\d\d-\d\dT[\d:.]+Z\)\.?$/, "")
    .replace(/^(?:Type)?Error(?: \[\w+\])?: /, "");
}

function certificateProblem(own: string): string | undefined {
  if (/^Hostname\/IP does not match certificate's altnames: /.test(own)) {
    return `the server's certificate is for another name: ${own.slice(own.indexOf(": ") + 2)}`;
  }
  if (/issuer certificate|self-signed certificate|first certificate|trusted authority/.test(own)) {
    return UNTRUSTED;
  }
  if (own.includes("names no host")) {
    return "the server's certificate names no host (subjectAltName)";
  }
  const alert = /received fatal alert: (\w+)/.exec(own)?.[1];
  if (alert === "CertificateRequired") return "the server demands a client certificate";
  return alert && `the server refused the TLS connection (alert ${alert})`;
}
