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
 * The exit code of a failed call: 64 + the gRPC status code, as in grpcurl, so that 78 is
 * UNAVAILABLE.
 *
 * @param statusCode a gRPC status code, 1 to 16
 * @see https://grpc.io/docs/guides/status-codes/
 */
export function exitCodeOfStatus(statusCode: number): number {
  return 64 + statusCode;
}
