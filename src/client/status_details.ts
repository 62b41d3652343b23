import type { ServiceError } from "@grpc/grpc-js";
import { DETAILS_TRAILER, type FieldViolation } from "../contract/error_details.ts";
import { lengthFields, strictText } from "../contract/decoding.ts";

/**
 * A detail of a failed call, in the JSON form of `google.protobuf.Any`. Of a type that is not known
 * here, the value is there in base64.
 *
 * @see https://protobuf.dev/programming-guides/json/#any
 */
export type ErrorDetail =
  & { readonly "@type": string }
  & ({ readonly fieldViolations: readonly FieldViolation[] } | { readonly value: string });

/**
 * The details that a server has sent with a failed call, of which `google.rpc.BadRequest` is
 * decoded.
 *
 * @returns undefined if there are none, or the bytes are not valid
 * @see https://github.com/googleapis/googleapis/blob/master/google/rpc/status.proto
 */
export function errorDetails({ metadata }: ServiceError): readonly ErrorDetail[] | undefined {
  const [bytes] = metadata?.get(DETAILS_TRAILER) ?? [];
  if (!(bytes instanceof Uint8Array)) return undefined;
  try {
    const details = decodeStatus(bytes);
    return details.length === 0 ? undefined : details;
  } catch {
    // What is not valid protobuf tells nothing; the status code and the message are there.
    return undefined;
  }
}

// Of google.rpc.Status: int32 code = 1; string message = 2; repeated Any details = 3.
function decodeStatus(bytes: Uint8Array): ErrorDetail[] {
  const { 2: messages, 3: details } = lengthFields(bytes, [2, 3]);
  messages!.forEach(strictText);
  return details!.map(decodeAny);
}

// string type_url = 1; bytes value = 2.
function decodeAny(bytes: Uint8Array): ErrorDetail {
  const { 1: urls, 2: values } = lengthFields(bytes, [1, 2]);
  const type = lastText(urls!);
  const value = values!.at(-1) ?? new Uint8Array();
  return type.endsWith("/google.rpc.BadRequest")
    ? { "@type": type, fieldViolations: decodeBadRequest(value) }
    : { "@type": type, value: value.toBase64() };
}

// repeated FieldViolation field_violations = 1.
function decodeBadRequest(bytes: Uint8Array): FieldViolation[] {
  return lengthFields(bytes, [1])[1]!.map((violation) => {
    // string field = 1; string description = 2.
    const { 1: fields, 2: descriptions } = lengthFields(violation, [1, 2]);
    return { field: lastText(fields!), description: lastText(descriptions!) };
  });
}

/** The last one counts where a field that is not repeated comes more than once. */
function lastText(values: readonly Uint8Array[]): string {
  return values.map(strictText).at(-1) ?? "";
}
