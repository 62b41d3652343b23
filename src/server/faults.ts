import type { StatusName } from "../contract/status_codes.ts";

/** A failure on purpose, for those who test clients. */
export interface Failure {
  /** The name of the status code to answer with: `UNAVAILABLE`. */
  readonly code: Exclude<StatusName, "OK">;
  /** The share of the calls that fail, above 0 and up to 1. */
  readonly rate: number;
  /** What the caller is told, and the log. */
  readonly reason: string;
}

/** How a server misbehaves on purpose. */
export interface Faults {
  /** How long each call waits before its answer, in milliseconds; absent: not at all. */
  readonly delayMs?: number;
  /** Which calls fail; absent: none. */
  readonly fail?: Failure;
}
