import protobuf from "protobufjs";

/** What is wrong with one field of a request. */
export interface FieldViolation {
  /** The field's name in the contract. */
  readonly field: string;
  /** What is wrong with it. */
  readonly description: string;
}

/** The trailer that carries a `google.rpc.Status` with details. */
export const DETAILS_TRAILER = "grpc-status-details-bin";

const BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest";

// Of google.rpc, whose packages bring hundreds of messages, only what is needed here.
// https://github.com/googleapis/googleapis/tree/master/google/rpc
const wrapper = protobuf.parse(
  `
  syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
`,
  { keepCase: true },
).root;

/** The definition of `google.rpc.BadRequest`. */
export const badRequestRoot: protobuf.Root = protobuf.parse(
  `
  syntax = "proto3";
  package google.rpc;
  message BadRequest {
    message FieldViolation { string field = 1; string description = 2; }
    repeated FieldViolation field_violations = 1;
  }
`,
  { keepCase: true },
).root;

const Status = wrapper.lookupType("Status");
const BadRequest = badRequestRoot.lookupType("google.rpc.BadRequest");

/** Encodes a `google.rpc.Status` with one `google.rpc.BadRequest`, for {@linkcode DETAILS_TRAILER}. */
export function encodeBadRequest(
  code: number,
  message: string,
  violations: readonly FieldViolation[],
): Uint8Array {
  const value = BadRequest.encode({ field_violations: violations }).finish();
  return Status.encode({ code, message, details: [{ type_url: BAD_REQUEST, value }] }).finish();
}
