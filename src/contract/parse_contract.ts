import { loadPackageDefinition } from "@grpc/grpc-js";
import { fromJSON } from "@grpc/proto-loader";
import protobuf from "protobufjs";
import type { Contract } from "./contract.ts";
import type { ProtoGrpcType } from "./generated/user_service.ts";
import { decodeStrictly } from "./decoding.ts";

/**
 * Parses the text of the contract.
 *
 * @throws {Error} if it is not valid
 */
export function parseContract(text: string): Contract {
  const root = protobuf.parse(text, { keepCase: true }).root;
  // The options have to match those of tools/generate.ts, which makes the types.
  const definition = fromJSON(root.toJSON(), { keepCase: true, defaults: true });
  decodeStrictly(definition, root);
  const contract = loadPackageDefinition(definition) as unknown as ProtoGrpcType;
  return { UserService: contract.userservice.UserService, definition };
}
