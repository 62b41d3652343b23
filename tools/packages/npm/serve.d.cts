/// <reference lib="esnext.disposable" />

/** How a server is started. */
export interface ServeOptions {
  /**
   * Flags of `usersvc serve`, such as `["--faults-by-metadata"]`: all but `--log`. By default it
   * listens on a free port of 127.0.0.1 and keeps the last 1000 calls (`--record 1000`, unless
   * `--workers` or `--no-http` exclude it).
   */
  readonly args?: readonly string[];
}

/** Which calls {@linkcode Server.calls} returns: all that have ended, if nothing is given. */
export interface CallFilter {
  /** Only those for this name. */
  readonly username?: string;
  /** Only those with these values; each name has to be in the server's `--log-metadata`. */
  readonly metadata?: Readonly<Record<string, string>>;
  /** Only those after the record with this `id`. */
  readonly since?: number;
  /** Waits until there are at least so many, and fails if that takes longer than `wait`. */
  readonly count?: number;
  /** How long to wait for `count`, in milliseconds; 5000 by default, at most 60000. */
  readonly wait?: number;
}

/** The record of a call: docs/operations.md says what its fields are. */
export interface CallRecord {
  /** 1 for the first call of the server, 2 for the next. */
  readonly id: number;
  /** When it ended, RFC 3339. */
  readonly time: string;
  readonly peer?: string;
  readonly protocol: string;
  readonly username?: string;
  /** The name of the status code: `OK`. */
  readonly "grpc.code": string;
  /** How long it took the server, in milliseconds. */
  readonly "grpc.time_ms": number;
  /** When it came, RFC 3339. */
  readonly "grpc.start_time": string;
  /** 1, or more for a retry by gRPC itself. */
  readonly "grpc.attempt": number;
  /** What was left of the client's deadline when it came, in milliseconds; absent without one. */
  readonly "grpc.timeout_ms"?: number;
  /** The metadata that `--log-metadata` names. */
  readonly metadata?: Readonly<Record<string, readonly string[]>>;
  readonly [field: string]: unknown;
}

/** How a server has ended. */
export interface Exit {
  /** 0 after a drain in which every call has finished; null after a signal. */
  readonly code: number | null;
  readonly signal: string | null;
}

/** A server that accepts calls. It never lives longer than this process, however that ends. */
export interface Server {
  /** What a client connects to: `127.0.0.1:41234`. */
  readonly address: string;
  readonly port: number;
  /** The path of the contract, `user_service.proto`. */
  readonly proto: string;
  /** How it has ended, once it has; it keeps no process running. */
  readonly exited: Promise<Exit>;
  /**
   * The calls that have ended, first those that ended first: among them each whose answer its client
   * has. `count` waits for further ones.
   *
   * @throws {Error} if there are fewer than `count` in time, or the server keeps no calls
   */
  calls(filter?: CallFilter): Promise<CallRecord[]>;
  /** Has it forget the calls so far. */
  reset(): Promise<void>;
  /** Drains it: calls in flight finish, or are cancelled after `--grace`. Resolves when it has ended. */
  stop(): Promise<Exit>;
  /** Stops it: `await using server = await serve()`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Starts a server of its own for the tests of a client.
 *
 * @returns once it accepts calls
 * @throws {Error} if it does not start; the message is what it says
 * @example
 * await using server = await serve({ args: ["--faults-by-metadata"] });
 */
export function serve(options?: ServeOptions): Promise<Server>;
