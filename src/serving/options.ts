import type { LogFormat } from "../log/formats.ts";
import type { Endpoint } from "../server/listen.ts";

/**
 * What `usersvc serve` was asked for. Plain values only: the supervisor sends it to its workers as
 * JSON.
 */
export interface ServeOptions {
  /** Where to listen. */
  readonly endpoint: Endpoint;
  /** How long calls in flight may take once the server drains, in milliseconds. */
  readonly graceMs: number;
  /** The form of the log. */
  readonly log: LogFormat;
  /** Where to serve metrics; absent for none. */
  readonly metrics?: Endpoint;
}
