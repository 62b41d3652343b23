/** The descriptors that reflection shows and Connect reads. */
import assert from "node:assert/strict";
import { fromBinary } from "@bufbuild/protobuf";
import { type DescriptorProto, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
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
        [
          "google.rpc.BadRequest.field_violations",
          "fieldViolations",
          ".google.rpc.BadRequest.FieldViolation",
        ],
        ["google.rpc.BadRequest.FieldViolation.field", "field", ""],
        ["google.rpc.BadRequest.FieldViolation.description", "description", ""],
        ["google.rpc.BadRequest.FieldViolation.reason", "reason", ""],
        [
          "google.rpc.BadRequest.FieldViolation.localized_message",
          "localizedMessage",
          ".google.rpc.LocalizedMessage",
        ],
        ["google.rpc.LocalizedMessage.locale", "locale", ""],
        ["google.rpc.LocalizedMessage.message", "message", ""],
      ],
    );
  },
);

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
