import { type ServiceError, status } from "@grpc/grpc-js";

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
}

/**
 * Describes a failed call, without those parts of grpc-js's messages that only its developers can
 * read.
 *
 * @param timeoutMs the deadline that the call had, in milliseconds
 */
export function describeFailure(
  error: ServiceError,
  timeoutMs: number,
): Failure {
  const { code } = error;
  return {
    code,
    name: status[code] ?? `status ${code}`,
    reason: reason(error, timeoutMs),
  };
}

function reason({ code, details }: ServiceError, timeoutMs: number): string {
  if (code === status.DEADLINE_EXCEEDED) {
    return `no answer within ${timeoutMs} ms`;
  }
  if (details.startsWith("Name resolution failed")) {
    return "unknown host, check the name";
  }
  const cause = /^No connection established\. Last error: (.*?)\.? ?Resolution note: /s
    .exec(details);
  // Where grpc-js passes on an error of node:net, the time at which it came follows.
  const own = (cause?.[1] ?? details).replace(
    / \(\d{4}-\d\d-\d\dT[\d:.]+Z\)$/,
    "",
  );
  if (own.includes("ECONNREFUSED")) return "connection refused";
  if (/ECONNRESET|EPIPE|write after end|^Failed to connect$/.test(own)) {
    return "the connection broke, is this a gRPC server without TLS?";
  }
  return own || "no reason given";
}
