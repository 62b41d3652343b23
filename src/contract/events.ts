import type { StatusName } from "./status_codes.ts";

/** What a client speaks. */
export type Protocol = "grpc" | "grpc-web" | "connect";

/** A call that has reached its handler. */
export interface Call {
  readonly protocol: Protocol;
  /** The full name of the service: `userservice.UserService`. */
  readonly service: string;
  /** The name of the method: `GetUser`. */
  readonly method: string;
  /** The address of the client, looked up when asked for: that costs as much as a log line. */
  peer(): string;
  /** As it was sent: neither checked nor escaped. */
  readonly username: string;
  /** When it reached its handler, in milliseconds since the epoch. */
  readonly startedAt: number;
  /** When the caller stops waiting, in milliseconds since the epoch; Infinity without a deadline. */
  deadline(): number;
  /**
   * The values of a metadata key, which is in lower case, in their order; those of `-bin` keys too, as
   * bytes in base64.
   */
  metadata(key: string): readonly string[];
}

/** Who wanted a fault: the call by its metadata, the file of answers, or the flags for all calls. */
export type FaultSource = "metadata" | "answers" | "flags";

/** What was done to a call on purpose. */
export interface Fault {
  readonly source: FaultSource;
  /** How late it was answered, in milliseconds; absent: at once. */
  readonly delayMs?: number;
  /** It was not to be answered at all. */
  readonly keepOpen?: true;
  /** The case of the gauntlet that answered it. */
  readonly wire?: string;
  /** The answer that was chosen in place of the usual one. */
  readonly answer?: { readonly code: StatusName };
}

/** How a call ended. */
export interface Outcome {
  readonly code: StatusName;
  /** Why it was refused or has failed, for the log; absent if it was answered OK. */
  readonly reason?: string | undefined;
  /** What was done on purpose; absent where that is nothing. */
  readonly fault?: Fault | undefined;
  /** From its arrival in the handler to its end, in milliseconds. */
  readonly timeMs: number;
}

/** Something that happened to a server as a whole. */
export interface Notice {
  readonly level: "info" | "warn" | "error";
  /** A name that stays the same for programs that read the log: `draining`. */
  readonly event: string;
  /** One line for people, not escaped. */
  readonly message: string;
  /** What the message says, in parts for programs. */
  readonly fields?: Readonly<Record<string, string | number | boolean>>;
}

/** Receives what happens to a server while it runs. None of it may throw or wait. */
export interface ServerEvents {
  /** A connection was accepted. */
  connectionOpened?(): void;
  /** A connection that was accepted has closed. */
  connectionClosed?(): void;
  /** A call has come; it is not yet answered. */
  callReceived(call: Call): void;
  /** It has been answered, or has ended without an answer: cancelled, past its deadline. */
  callFinished(call: Call, outcome: Outcome): void;
  /** Something happened to the server as a whole. */
  notice(notice: Notice): void;
}
