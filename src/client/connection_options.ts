import type { WireOptions } from "../wire/connection.ts";
import type { Header } from "./metadata.ts";
import type { Target } from "./target.ts";
import type { ClientTls } from "./tls_options.ts";

/** How a server is reached. */
export interface ConnectionOptions {
  /** The server. */
  readonly target: Target;
  /** Absent for plain text. */
  readonly tls?: ClientTls;
  /** Calls wait for the server to come up, as long as their deadline lets them. */
  readonly wait: boolean;
  /** How often a call that failed with UNAVAILABLE is tried again. */
  readonly retries: number;
  /**
   * How long nothing may come on a connection with calls in flight before a PING is sent, in
   * milliseconds; absent: none is sent.
   */
  readonly keepaliveMs?: number;
  /** The metadata of each call. */
  readonly headers: readonly Header[];
  /** Takes the trace of connections and calls, line by line, not escaped; absent: no trace. */
  readonly trace?: (line: string) => void;
  /** Shows every frame of each connection; absent: none. */
  readonly wire?: WireOptions;
  /** Takes the messages that `GRPC_VERBOSITY` asks for where there is no trace, not escaped. */
  readonly log?: (line: string) => void;
}
