/**
 * grpc-js answers calls that it should refuse, and refuses calls on streams that are gone.
 *
 * - What is wrong: (1) a call that grpc-js refuses (content type, unknown method) and an error of its
 *   stream or connection in one TCP segment end the process. The stream is destroyed before its event
 *   is handled, and `respond` throws "The stream has been destroyed" where nobody can catch it. (2) Any
 *   content type that begins with `application/grpc` is served, that of gRPC-Web too; any other gets
 *   HTTP status 200 instead of 415, because Deno's node:http2 has no
 *   `HTTP_STATUS_UNSUPPORTED_MEDIA_TYPE`.
 * - Versions: @grpc/grpc-js 1.14.7, Deno 2.9.2.
 * - Upstream: `_verifyContentType` and `_respondWithError` in
 *   https://github.com/grpc/grpc-node/blob/%40grpc/grpc-js%401.14.0/packages/grpc-js/src/server.ts;
 *   https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests
 * - Measured: h2spec ends a server without this file in section 5.1; with it no error is left for a
 *   global `error` listener, which would hide faults of our own. `application/json`: `:status` 200, now
 *   415.
 * - Fails: without it tests/abuse/refused_calls_test.ts and "a call whose content type is not one
 *   of gRPC" in tests/service_test.ts; after an update it throws where grpc-js has no such methods
 *   (tests/guards_test.ts).
 * - It can go when grpc-js looks at a stream before it answers, and refuses gRPC-Web with 415 on Deno.
 */
import type { Server } from "@grpc/grpc-js";
import type { Headers } from "../http2/fields.ts";
import type { Stream } from "../http2/stream.ts";

/** The private methods with which grpc-js looks at each call first, and answers one it refuses. */
interface Refusal {
  _verifyContentType(stream: Stream, headers: Headers): boolean;
  _respondWithError(error: unknown, stream: Stream, ...rest: readonly unknown[]): void;
}

const UNSUPPORTED_MEDIA_TYPE = 415;

/**
 * Has a server refuse calls that are not gRPC with HTTP status 415, and answer no stream that is gone.
 *
 * @param other takes over what is not gRPC, instead
 * @throws {Error} if this grpc-js has no such methods
 */
export function refuseCalls(
  server: Server,
  other?: (stream: Stream, headers: Headers) => void,
): void {
  const refusal = refusalOf(server);
  const respondWithError = refusal._respondWithError;
  refusal._verifyContentType = (stream, headers) => {
    if (isGone(stream)) return false;
    if (isGrpc(headers["content-type"])) return true;
    if (other !== undefined) other(stream, headers);
    else stream.respond({ ":status": UNSUPPORTED_MEDIA_TYPE }, { endStream: true });
    return false;
  };
  refusal._respondWithError = function (error, stream, ...rest) {
    if (!isGone(stream)) respondWithError.call(this, error, stream, ...rest);
  };
}

function isGone(stream: Stream): boolean {
  return stream.destroyed || stream.closed;
}

/** `application/grpc`, alone or followed by a format (`+proto`) or parameters. */
function isGrpc(contentType: Headers[string]): boolean {
  return contentType === "application/grpc" ||
    typeof contentType === "string" && /^application\/grpc(?:[+;\s]|$)/i.test(contentType);
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
