/**
 * The names of the gRPC status codes, each at the index that is its number. By its name the program
 * knows a status code; its number is for grpc-js, Connect and exit codes.
 *
 * They are not taken from grpc-js, because the log is also used by a process that does not load it.
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

/** The name of the status code with this number; a number that is none is `UNKNOWN`. */
export function statusName(code: number): StatusName {
  return STATUS_NAMES[code] ?? "UNKNOWN";
}

/** The highest number of a status code. */
export const LAST_STATUS = STATUS_NAMES.length - 1;

/**
 * The exit code of a failed call: 64 + the gRPC status code, as in grpcurl, so that 78 is
 * UNAVAILABLE. What is no status code of a failure is UNKNOWN: an exit code has eight bits, and 64 +
 * 192 would be success.
 *
 * @see https://grpc.io/docs/guides/status-codes/
 */
export function exitCodeOfStatus(statusCode: number): number {
  return 64 + STATUS_NAMES.indexOf(statusCode === 0 ? "UNKNOWN" : statusName(statusCode));
}
