/** The descriptors that reflection shows and Connect reads. */
import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import {
  type DescriptorProto,
  file_google_protobuf_duration,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";
import { loadContract } from "../../src/contract/contract.ts";
import { programTest } from "../support/program.ts";

/** The fields of a message and of those in it: full name, JSON name, full name of the type. */
function fieldsOf(message: DescriptorProto, scope: string): string[][] {
  const name = `${scope}.${message.name}`;
  return [
    ...message.field.map((field) => [`${name}.${field.name}`, field.jsonName, field.typeName]),
    ...message.nestedType.flatMap((inner) => fieldsOf(inner, name)),
  ];
}

programTest(
  "descriptors have full names of types, JSON names, and the names of entries",
  async () => {
    const { fileDescriptors } = await import("../../src/contract/descriptors.ts");
    const files = fileDescriptors(await loadContract())
      .map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
    assert.deepEqual(
      files.flatMap((file) => file.messageType.flatMap((type) => fieldsOf(type, file.package))),
      [
        ["userservice.GetUserRequest.username", "username", ""],
        ["userservice.GetUserResponse.message", "message", ""],
        [
          "grpc.health.v1.HealthListResponse.statuses",
          "statuses",
          ".grpc.health.v1.HealthListResponse.StatusesEntry",
        ],
        ["grpc.health.v1.HealthListResponse.StatusesEntry.key", "key", ""],
        [
          "grpc.health.v1.HealthListResponse.StatusesEntry.value",
          "value",
          ".grpc.health.v1.HealthCheckResponse",
        ],
        ["grpc.health.v1.HealthCheckRequest.service", "service", ""],
        [
          "grpc.health.v1.HealthCheckResponse.status",
          "status",
          ".grpc.health.v1.HealthCheckResponse.ServingStatus",
        ],
      ],
    );
  },
);

programTest("the descriptor of error_details.proto names its import, which is there", async () => {
  const { describeErrorDetails } = await import("../../src/contract/error_details_proto.ts");
  const [file, imported] = [describeErrorDetails().file, describeErrorDetails().imported]
    .map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
  assert.equal(file!.name, "google/rpc/error_details.proto");
  assert.deepEqual(file!.dependency, ["google/protobuf/duration.proto"]);
  const { name, package: scope, messageType, dependency } = imported!;
  const expected = file_google_protobuf_duration.proto;
  assert.deepEqual([name, scope, dependency], [expected.name, expected.package, []]);
  const numbered = (messages: readonly DescriptorProto[]) =>
    messages.map((
      { name, field },
    ) => [name, ...field.map(({ name, number, type }) => [name, number, type])]);
  assert.deepEqual(numbered(messageType), numbered(expected.messageType));
  const fields = file!.messageType.flatMap((message) => fieldsOf(message, file!.package));
  const typed = fields.filter(([, , type]) => type !== "").map(([field, , type]) => [field, type]);
  assert.deepEqual(Object.fromEntries(typed), {
    "google.rpc.ErrorInfo.metadata": ".google.rpc.ErrorInfo.MetadataEntry",
    "google.rpc.RetryInfo.retry_delay": ".google.protobuf.Duration",
    "google.rpc.QuotaFailure.violations": ".google.rpc.QuotaFailure.Violation",
    "google.rpc.QuotaFailure.Violation.quota_dimensions":
      ".google.rpc.QuotaFailure.Violation.QuotaDimensionsEntry",
    "google.rpc.PreconditionFailure.violations": ".google.rpc.PreconditionFailure.Violation",
    "google.rpc.BadRequest.field_violations": ".google.rpc.BadRequest.FieldViolation",
    "google.rpc.BadRequest.FieldViolation.localized_message": ".google.rpc.LocalizedMessage",
    "google.rpc.Help.links": ".google.rpc.Help.Link",
  });
});

programTest(
  "descriptors have the comments of the contract, each with what it stands before",
  async () => {
    const { fileDescriptors } = await import("../../src/contract/descriptors.ts");
    const [bytes] = fileDescriptors(await loadContract());
    const { name, sourceCodeInfo } = fromBinary(FileDescriptorProtoSchema, bytes!);
    assert.equal(name, "user_service.proto");
    // https://github.com/protocolbuffers/protobuf/blob/main/src/google/protobuf/descriptor.proto
    const comments = sourceCodeInfo!.location.map((
      { path, leadingComments },
    ) => [path.join("."), leadingComments.trim().slice(0, 14)]);
    assert.deepEqual(Object.fromEntries(comments), {
      "4.0": "Whom to greet.",
      "4.0.2.0": "The user's nam",
      "4.1": "The greeting.",
      "4.1.2.0": '"Привет, NAME!',
      "6.0": "Greets users.",
      "6.0.2.0": "Returns a gree",
    });
  },
);
