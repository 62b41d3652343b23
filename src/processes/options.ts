import type { LogFormat } from "../telemetry/log_format.ts";
import type { TcpEndpoint } from "../server/listen.ts";
import type { ServerOptions } from "../server/server.ts";

/**
 * What `usersvc serve` was asked for. Plain values only: the supervisor sends it to its workers as
 * JSON.
 */
export interface ServeOptions extends ServerOptions {
  /** How long calls in flight may take once the server drains, in milliseconds. */
  readonly graceMs: number;
  /** The form of the log. */
  readonly log: LogFormat;
  /** Where to serve metrics; absent for none. */
  readonly metrics?: TcpEndpoint;
}
