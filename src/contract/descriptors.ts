/** The contracts as descriptors. Loaded by what shows or needs them: a plain call does neither. */
import type { Buffer } from "node:buffer";
import { type Contract, protoFile } from "./contract.ts";
import { describe } from "./describe.ts";
import { healthRoot } from "./health_contract.ts";

/**
 * The complete `google.protobuf.FileDescriptorProto`, encoded, of each file of services: the contract and
 * the health service.
 *
 * @see https://github.com/protocolbuffers/protobuf/blob/main/src/google/protobuf/descriptor.proto
 */
export function fileDescriptors({ root }: Contract): readonly Buffer[] {
  return [describe(root, { name: protoFile }), describe(healthRoot)];
}
