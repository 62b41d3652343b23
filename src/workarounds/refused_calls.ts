import type { Server } from "@grpc/grpc-js";
import type { ServerHttp2Stream } from "node:http2";

/** The two private methods with which grpc-js 1.14 answers a call before it has a handler. */
interface Refusal {
  _verifyContentType(stream: ServerHttp2Stream, ...rest: readonly unknown[]): boolean;
  _respondWithError(error: unknown, stream: ServerHttp2Stream, ...rest: readonly unknown[]): void;
}

/**
 * Keeps a peer from ending the process: grpc-js no longer answers a stream that is gone.
 *
 * When one TCP segment holds a call that grpc-js refuses (wrong content-type, unknown method) and
 * an error of its stream or connection, the stream is destroyed before the event that announces it
 * is handled. grpc-js then calls `respond`, which throws "The stream has been destroyed" inside an
 * event handler of node:http2, where nobody can catch it.
 *
 * No global `error` listener backs this up: with it, nothing reached one in the tests of
 * tests/abuse/, and such a listener would hide faults of our own.
 *
 * @throws {Error} if this grpc-js has no such methods, so that an update cannot bring the fault back
 * @see https://github.com/grpc/grpc-node/blob/%40grpc/grpc-js%401.14.0/packages/grpc-js/src/server.ts
 */
export function refuseOnlyOpenStreams(server: Server): void {
  const refusal = refusalOf(server);
  const verifyContentType = refusal._verifyContentType;
  const respondWithError = refusal._respondWithError;
  refusal._verifyContentType = function (stream, ...rest) {
    return !isGone(stream) && verifyContentType.call(this, stream, ...rest);
  };
  refusal._respondWithError = function (error, stream, ...rest) {
    if (!isGone(stream)) respondWithError.call(this, error, stream, ...rest);
  };
}

function isGone(stream: ServerHttp2Stream): boolean {
  return stream.destroyed || stream.closed;
}

function refusalOf(server: object): Refusal {
  if (isRefusal(server)) return server;
  throw new Error(
    "this version of @grpc/grpc-js answers refused calls in another way than 1.14.7: check " +
      "src/workarounds/refused_calls.ts against it",
  );
}

function isRefusal(server: object): server is Refusal {
  return "_verifyContentType" in server && typeof server._verifyContentType === "function" &&
    "_respondWithError" in server && typeof server._respondWithError === "function";
}
