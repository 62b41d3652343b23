/**
 * grpc-js serves gRPC-Web as gRPC, and hands what is no gRPC to nobody.
 *
 * - What is wrong: any content type that begins with `application/grpc` is served, that of gRPC-Web
 *   too, whose messages end otherwise; any other is refused, and there is no way to answer it.
 * - Versions: @grpc/grpc-js 1.14.7.
 * - Upstream: `_verifyContentType` in
 *   https://github.com/grpc/grpc-node/blob/%40grpc/grpc-js%401.14.0/packages/grpc-js/src/server.ts;
 *   https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests
 * - Measured: `application/grpc-web` got an answer of gRPC, which no client of gRPC-Web reads.
 * - Fails: without it "a call whose content type is not one of gRPC" in tests/server/call_test.ts, and
 *   tests/server/http_test.ts; after an update it throws where grpc-js has no such method
 *   (tests/workarounds/guards_test.ts).
 * - It can go when grpc-js lets others have what is not gRPC.
 */
import { Server } from "@grpc/grpc-js";
import { isGrpcType } from "../contract/grpc_protocol.ts";
import type { Headers } from "../http2/fields.ts";
import type { Stream } from "../http2/stream.ts";
import { privateMethods } from "./private_parts.ts";

/** The private method with which grpc-js looks at each call first. */
interface Refusal {
  _verifyContentType(stream: Stream, headers: Headers): boolean;
}

const UNSUPPORTED_MEDIA_TYPE = 415;

/**
 * Has a server refuse calls that are not gRPC with HTTP status 415.
 *
 * @param other takes over what is not gRPC, instead
 * @throws {Error} if this grpc-js has no such method
 */
export function refuseCalls(
  server: Server,
  other?: (stream: Stream, headers: Headers) => void,
): void {
  privateMethods<Refusal>(Server, ["_verifyContentType"]);
  const _verifyContentType: Refusal["_verifyContentType"] = (stream, headers) => {
    if (isGrpcType(headers["content-type"])) return true;
    if (other !== undefined) other(stream, headers);
    else stream.respond({ ":status": UNSUPPORTED_MEDIA_TYPE }, { endStream: true });
    return false;
  };
  Object.assign(server, { _verifyContentType });
}
