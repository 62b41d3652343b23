import { makeGenericClientConstructor } from "@grpc/grpc-js";
import protobuf from "protobufjs";
import type { ProtoGrpcType } from "./generated/user_service.ts";
import { serviceDefinition } from "./service_definition.ts";

/** The one definition that server and client share. */
export interface Contract {
  /** A client constructor, whose `service` property is the definition that a server registers. */
  readonly UserService: ProtoGrpcType["userservice"]["UserService"];
  /** What the text says, with its comments. */
  readonly root: protobuf.Root;
}

/**
 * Parses the text of the contract. It is not in contract.ts, so that `proto` loads none of these libraries.
 *
 * @param serviceName the full name of the service
 * @throws {Error} if it is not valid
 */
export function parseContract(text: string, serviceName: string): Contract {
  // The names have to be those of tools/generate.ts, which makes the types.
  const { root } = protobuf.parse(text, { keepCase: true, alternateCommentMode: true });
  const client = makeGenericClientConstructor(serviceDefinition(root, serviceName), "UserService");
  return { UserService: client as unknown as Contract["UserService"], root };
}
