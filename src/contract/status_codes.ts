/**
 * The names of the gRPC status codes, each at the index that is its code. They are not taken from
 * grpc-js, because the log is also used by a process that does not load it.
 *
 * @see https://grpc.io/docs/guides/status-codes/
 */
export const STATUS_NAMES = [
  "OK",
  "CANCELLED",
  "UNKNOWN",
  "INVALID_ARGUMENT",
  "DEADLINE_EXCEEDED",
  "NOT_FOUND",
  "ALREADY_EXISTS",
  "PERMISSION_DENIED",
  "RESOURCE_EXHAUSTED",
  "FAILED_PRECONDITION",
  "ABORTED",
  "OUT_OF_RANGE",
  "UNIMPLEMENTED",
  "INTERNAL",
  "UNAVAILABLE",
  "DATA_LOSS",
  "UNAUTHENTICATED",
] as const;

/** The name of a gRPC status code. */
export type StatusName = typeof STATUS_NAMES[number];

/** The name of a status code, `INVALID_ARGUMENT`; a number that is none is `UNKNOWN`. */
export function statusName(code: number): StatusName {
  return STATUS_NAMES[code] ?? "UNKNOWN";
}

const UNKNOWN = 2, LAST_STATUS = 16;

/**
 * The exit code of a failed call: 64 + the gRPC status code, as in grpcurl, so that 78 is
 * UNAVAILABLE. What is no status code of a failure is UNKNOWN: an exit code has eight bits, and 64 +
 * 192 would be success.
 *
 * @see https://grpc.io/docs/guides/status-codes/
 */
export function exitCodeOfStatus(statusCode: number): number {
  const known = Number.isInteger(statusCode) && statusCode >= 1 && statusCode <= LAST_STATUS;
  return 64 + (known ? statusCode : UNKNOWN);
}
