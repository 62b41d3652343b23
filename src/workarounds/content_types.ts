/**
 * grpc-js answers requests that are not gRPC.
 *
 * - What is wrong: any content type that begins with `application/grpc` is served, that of gRPC-Web too. Any
 *   other gets HTTP status 200 instead of 415 on Deno, which has no `HTTP_STATUS_UNSUPPORTED_MEDIA_TYPE`
 *   in the constants of node:http2.
 * - Versions: @grpc/grpc-js 1.14.7, Deno 2.9.2.
 * - Measured: `application/json` and no content type at all: `:status` 200 without `grpc-status`, now 415.
 * - Fails without it: "a call whose content type is not one of gRPC ..." in tests/service_test.ts. It
 *   throws if grpc-js has no such method any more.
 * - It can go when grpc-js refuses gRPC-Web, and Deno has that constant.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests
 */
import type { Server } from "@grpc/grpc-js";
import type { IncomingHttpHeaders, ServerHttp2Stream } from "node:http2";

/** The private method with which grpc-js 1.14 looks at the headers of each call, before all else. */
interface Verifying {
  _verifyContentType(stream: ServerHttp2Stream, headers: IncomingHttpHeaders): boolean;
}

const UNSUPPORTED_MEDIA_TYPE = 415;

/**
 * Has a server refuse calls that are not gRPC with HTTP status 415.
 *
 * @throws {Error} if this grpc-js looks at headers elsewhere
 */
export function refuseOtherContentTypes(server: Server): void {
  verifyingOf(server)._verifyContentType = (stream, headers) => {
    if (isGrpc(headers["content-type"])) return true;
    stream.respond({ ":status": UNSUPPORTED_MEDIA_TYPE }, { endStream: true });
    return false;
  };
}

function verifyingOf(server: object): Verifying {
  if (isVerifying(server)) return server;
  throw new Error(
    "this grpc-js verifies requests elsewhere: check src/workarounds/content_types.ts",
  );
}

function isVerifying(server: object): server is Verifying {
  return "_verifyContentType" in server && typeof server._verifyContentType === "function";
}

/** `application/grpc`, alone or followed by a format (`+proto`) or parameters. */
function isGrpc(contentType: string | undefined): boolean {
  return contentType === "application/grpc" ||
    contentType !== undefined && /^application\/grpc(?:[+;\s]|$)/i.test(contentType);
}
