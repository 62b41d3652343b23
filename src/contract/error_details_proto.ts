/** google.rpc's error_details.proto, as descriptors. */
import type { Buffer } from "node:buffer";
import text from "google-proto-files/google/rpc/error_details.proto" with { type: "text" };
import protobuf from "protobufjs";
import { describe } from "./describe.ts";

/** The file's name, as tools know it. */
export const errorDetailsFile = "google/rpc/error_details.proto";

const DURATION_FILE = "google/protobuf/duration.proto";

/**
 * The complete `google.protobuf.FileDescriptorProto`, encoded, of error_details.proto, and of the file that
 * it imports. They are made with each call, which takes some milliseconds.
 *
 * @see https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto
 */
export function describeErrorDetails(): { readonly file: Buffer; readonly imported: Buffer } {
  const duration = protobuf.common.get(DURATION_FILE)!;
  const imported = describe(protobuf.Root.fromJSON(duration), { name: DURATION_FILE });
  const options = { keepCase: true, alternateCommentMode: true };
  const { root } = protobuf.parse(text, protobuf.Root.fromJSON(duration), options);
  const file = describe(root, { name: errorDetailsFile, imports: [DURATION_FILE] });
  return { file, imported };
}
