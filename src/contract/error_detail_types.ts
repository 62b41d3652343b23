/**
 * The details of errors that Google has defined, from RetryInfo to LocalizedMessage. Loaded where there is
 * one of them: their descriptors take some 20 ms.
 */
import {
  createFileRegistry,
  type DescMessage,
  fromBinary,
  fromJson,
  type JsonObject,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { file_google_protobuf_duration, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { describeErrorDetails, errorDetailsFile } from "./error_details_proto.ts";

let made: ReadonlyMap<string, DescMessage> | undefined;

/**
 * The types of google.rpc's error_details.proto by their full names: `google.rpc.RetryInfo`. They are made
 * with the first call.
 *
 * @see https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto
 */
export function detailTypes(): ReadonlyMap<string, DescMessage> {
  return made ??= makeTypes();
}

function makeTypes(): ReadonlyMap<string, DescMessage> {
  const file = fromBinary(FileDescriptorProtoSchema, describeErrorDetails().file);
  const registry = createFileRegistry(file, () => file_google_protobuf_duration);
  return new Map(registry.getFile(errorDetailsFile)!.messages.map((type) => [type.typeName, type]));
}

/**
 * Encodes a detail.
 *
 * @param json its JSON form: https://protobuf.dev/programming-guides/json/
 * @throws {Error} if a value is out of the range of its field
 */
export function encodeDetail(type: DescMessage, json: JsonObject): Uint8Array {
  return toBinary(type, fromJson(type, json));
}

/**
 * Decodes a detail.
 *
 * @returns its JSON form
 * @throws {Error} if it is not a valid message of its type
 */
export function decodeDetail(type: DescMessage, value: Uint8Array): JsonObject {
  return toJson(type, fromBinary(type, value)) as JsonObject;
}
