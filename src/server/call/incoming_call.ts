/** A call as each protocol brings it to the one handler, and what the handler answers. */
import type { SentDetail } from "../../contract/error_details.ts";
import type { Call } from "../../contract/events.ts";
import type { StatusName } from "../../contract/status_codes.ts";
import type { Stream } from "../../http2/stream.ts";

/** A call of GetUser that waits for its answer. */
export interface IncomingCall extends Call {
  /** Whether nobody waits for the answer any more. */
  isCancelled(): boolean;
  /** Calls the listener once, when nobody waits any more; with some protocols after an answer, too. */
  onCancelled(listener: () => void): void;
  /** Answers the call; to be called once. */
  answer(answer: Answer): void;
}

/** The answer to a call, in terms that every protocol has a form for. */
export interface Answer {
  readonly code: StatusName;
  /** The greeting, with OK. */
  readonly message?: string;
  /** Why there is none, with any other code. */
  readonly reason?: string;
  /** What a program may read of it, with any other code. */
  readonly details?: readonly SentDetail[];
  /**
   * Metadata to send with it, the keys in lower case: initial metadata of a greeting, trailers of a
   * failure, since a client may retry a call only as long as no initial metadata has come. The values of
   * `-bin` keys are bytes in base64.
   *
   * @see https://github.com/grpc/proposal/blob/master/A6-client-retries.md#when-retries-are-valid
   */
  readonly metadata?: Readonly<Record<string, readonly string[]>>;
  /** The same to send as trailers, of a greeting too. */
  readonly trailers?: Readonly<Record<string, readonly string[]>>;
  /** Sends all of the answer itself, whatever else is said here; for a call of gRPC alone. */
  readonly play?: (stream: Stream) => void;
}
