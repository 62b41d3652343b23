/**
 * What is on the wire of gRPC, for those who read it besides grpc-js.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md
 */

/** How many bytes come before each message: one flag, which says whether it is compressed, and its length. */
export const PREFIX_BYTES = 5;

/** Whether a content type is that of gRPC, alone or followed by a format (`+proto`) or parameters. */
export function isGrpcType(contentType: unknown): boolean {
  return contentType === "application/grpc" ||
    typeof contentType === "string" && /^application\/grpc(?:[+;\s]|$)/i.test(contentType);
}
