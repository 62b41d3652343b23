import { type StatusName, statusName } from "../contract/status_codes.ts";

/** How much a log record matters. */
export type Level = "info" | "warn" | "error";

/** What is not here is the client's own doing. */
const LEVELS: Partial<Record<StatusName, Level>> = {
  DEADLINE_EXCEEDED: "warn",
  PERMISSION_DENIED: "warn",
  RESOURCE_EXHAUSTED: "warn",
  FAILED_PRECONDITION: "warn",
  ABORTED: "warn",
  OUT_OF_RANGE: "warn",
  UNAVAILABLE: "warn",
  UNKNOWN: "error",
  UNIMPLEMENTED: "error",
  INTERNAL: "error",
  DATA_LOSS: "error",
};

/**
 * The level of a call that ended with a status code, as in go-grpc-middleware.
 *
 * @see https://github.com/grpc-ecosystem/go-grpc-middleware/blob/main/interceptors/logging/options.go
 */
export function levelOfCall(code: number): Level {
  return LEVELS[statusName(code)] ?? "info";
}
