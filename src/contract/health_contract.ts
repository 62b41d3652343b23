import healthProto from "grpc-health-check/proto/health/v1/health.proto" with { type: "text" };
import protobuf from "protobufjs";

/** What the health service says of a server. */
export type ServingStatus = "SERVING" | "NOT_SERVING";

/** The full name of the health service. */
export const healthServiceName = "grpc.health.v1.Health";

/**
 * The contract of the health service, as grpc-health-check gives it. That package's own code reads
 * the file from disk.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 */
export const healthRoot: protobuf.Root = protobuf.parse(healthProto, {
  keepCase: true,
  alternateCommentMode: true,
}).root;
