import { loadPackageDefinition } from "@grpc/grpc-js";
import { fromJSON, type PackageDefinition } from "@grpc/proto-loader";
import protobuf from "protobufjs";
import type { ProtoGrpcType } from "./generated/user_service.ts";
import { decodeStrictly } from "./decoding.ts";

/** The one definition that server and client share. */
export interface Contract {
  /** A client constructor, whose `service` property is the definition that a server registers. */
  readonly UserService: ProtoGrpcType["userservice"]["UserService"];
  /** The same by full names, with the descriptors that reflection shows. */
  readonly definition: PackageDefinition;
}

/**
 * Parses the text of the contract. It is not in contract.ts, so that `proto` loads none of these libraries.
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
