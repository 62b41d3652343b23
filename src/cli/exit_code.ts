/** The exit codes of every command. */
export const ExitCode = {
  /** The command did what it was asked to do. */
  OK: 0,
  /** The command could not do it: a port in use, a full disk. */
  FAILURE: 1,
  /** The command line is wrong; nothing was started. */
  USAGE: 2,
} as const;

/**
 * The exit codes of a health check, which are those of grpc-health-probe.
 *
 * @see https://github.com/grpc-ecosystem/grpc-health-probe#health-check-exit-codes
 */
export const CheckExitCode = {
  SERVING: 0,
  /** The command line is wrong, or a TLS file that it names. */
  USAGE: 1,
  /** No connection could be made in time. */
  NOT_CONNECTED: 2,
  /** The call failed: the deadline, an unknown service, a server without health service. */
  CALL_FAILED: 3,
  /** The server has answered, but not `SERVING`. */
  NOT_SERVING: 4,
} as const;

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
