/** What all formats of the log share: their names, the events that they write, the level of a call. */
import type { ServerEvents } from "../contract/events.ts";
import type { Endpoint } from "../contract/endpoint.ts";
import { type StatusName, statusName } from "../contract/status_codes.ts";

/** The formats of the log: the tutorial's lines, one JSON object per line, or warnings alone. */
export const LOG_FORMATS = ["text", "json", "none"] as const;

/** One of {@linkcode LOG_FORMATS}. */
export type LogFormat = typeof LOG_FORMATS[number];

/** The events that a log writes. */
export interface LogEvents extends ServerEvents {
  /** The server accepts calls at these endpoints. */
  listening(endpoints: readonly Endpoint[]): void;
}

/** How much a log record matters. */
export type Level = "info" | "warn" | "error";

/** The levels of status codes; all others, such as INVALID_ARGUMENT, are the client's fault: `info`. */
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
