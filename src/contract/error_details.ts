import type { JsonObject } from "@bufbuild/protobuf";
import type { Metadata } from "@grpc/grpc-js";
import protobuf from "protobufjs";
import { decoderOf } from "./decoding.ts";

/** What is wrong with one field of a request. */
export interface FieldViolation {
  /** The field's name in the contract. */
  readonly field: string;
  /** What is wrong with it. */
  readonly description: string;
}

/** The trailer that carries a `google.rpc.Status` with details. */
export const DETAILS_TRAILER = "grpc-status-details-bin";

const BAD_REQUEST = "google.rpc.BadRequest";

// Only the messages of google.rpc that are needed here: its packages bring hundreds.
// https://github.com/googleapis/googleapis/tree/master/google/rpc
const wrapper = protobuf.parse(
  `
  syntax = "proto3";
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
`,
  { keepCase: true },
).root;

const badRequestRoot = protobuf.parse(
  `
  syntax = "proto3";
  package google.rpc;
  message BadRequest {
    message FieldViolation {
      string field = 1;
      string description = 2;
      string reason = 3;
      LocalizedMessage localized_message = 4;
    }
    repeated FieldViolation field_violations = 1;
  }
  message LocalizedMessage { string locale = 1; string message = 2; }
`,
  { keepCase: true },
).root;

const Status = wrapper.lookupType("Status");
const BadRequest = badRequestRoot.lookupType(BAD_REQUEST);

interface AnyMessage {
  readonly type_url: string;
  readonly value: Uint8Array;
}

const decodeStatus = decoderOf<{ readonly details: readonly AnyMessage[] }>(Status);
const decodeBadRequest = decoderOf<{ readonly field_violations: ReceivedViolation[] }>(BadRequest);

/** A violation as other servers may send it. */
interface ReceivedViolation extends FieldViolation {
  readonly reason: string;
  readonly localized_message: { readonly locale: string; readonly message: string } | null;
}

/** A detail of a failed call, in the form in which a server sends it by any protocol. */
export interface SentDetail {
  /** The full name of the message: `google.rpc.BadRequest`. */
  readonly type: string;
  /** The message, encoded. */
  readonly value: Uint8Array;
  /** The message in JSON, which Connect shows to people; absent where its type is not known. */
  readonly debug?: { readonly [name: string]: unknown };
}

/** Makes a `google.rpc.BadRequest`. */
export function badRequest(violations: readonly FieldViolation[]): SentDetail {
  const value = BadRequest.encode({ field_violations: violations }).finish();
  return { type: BAD_REQUEST, value, debug: { fieldViolations: violations } };
}

/** Encodes a `google.rpc.Status` for {@linkcode DETAILS_TRAILER}. */
export function encodeStatus(
  code: number,
  message: string,
  details: readonly SentDetail[],
): Uint8Array {
  const packed = details.map(({ type, value }) => ({
    type_url: `type.googleapis.com/${type}`,
    value,
  }));
  return Status.encode({ code, message, details: packed }).finish();
}

/**
 * A detail of a failed call, in the JSON form of `google.protobuf.Any`. Of a type that is not known
 * here, the value is there in base64.
 *
 * @see https://protobuf.dev/programming-guides/json/#any
 */
export interface ErrorDetail {
  readonly "@type": string;
  readonly [field: string]: unknown;
}

/**
 * The details that a server has sent with a failed call. Those of google.rpc's error_details.proto are
 * decoded; what decodes others than `google.rpc.BadRequest` is loaded with the first of them.
 *
 * @returns undefined if there are none, or the bytes are not valid
 * @see https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto
 */
export async function errorDetails(
  { metadata }: { readonly metadata?: Metadata },
): Promise<readonly ErrorDetail[] | undefined> {
  const [bytes] = metadata?.get(DETAILS_TRAILER) ?? [];
  if (!(bytes instanceof Uint8Array)) return undefined;
  try {
    const { details } = decodeStatus(bytes);
    return details.length === 0 ? undefined : await Promise.all(details.map(decodeAny));
  } catch {
    // Without valid details the status code and the message are still there.
    return undefined;
  }
}

/** An Any without a type says nothing. */
async function decodeAny({ type_url: type, value }: AnyMessage): Promise<ErrorDetail> {
  if (type === "") throw new Error("a detail has no type");
  const name = type.slice(type.lastIndexOf("/") + 1);
  if (name === BAD_REQUEST) {
    return { "@type": type, fieldViolations: decodeBadRequest(value).field_violations.map(toJson) };
  }
  const fields = name.startsWith("google.rpc.") ? await decodeOther(name, value) : undefined;
  return { "@type": type, ...fields ?? { value: value.toBase64() } };
}

function toJson(
  { field, description, reason, localized_message: localizedMessage }: ReceivedViolation,
): object {
  return {
    ...{ field, description },
    ...(reason && { reason }),
    ...(localizedMessage && { localizedMessage }),
  };
}

/** Decodes a detail; undefined if its type is not known, or it is not valid. */
async function decodeOther(name: string, value: Uint8Array): Promise<JsonObject | undefined> {
  const { decodeDetail, detailTypes } = await import("./error_detail_types.ts");
  const type = detailTypes().get(name);
  try {
    return type && decodeDetail(type, value);
  } catch {
    // Its bytes are shown.
    return undefined;
  }
}
