import { loadPackageDefinition } from "@grpc/grpc-js";
import { fromJSON, type PackageDefinition, type ServiceDefinition } from "@grpc/proto-loader";
import protobuf from "protobufjs";
import type { ProtoGrpcType } from "./generated/user_service.ts";
import { decoderOf, withStrictRequests } from "./decoding.ts";

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

/** Has the services of a definition decode requests and responses with {@linkcode decoderOf}. */
function decodeStrictly(definition: PackageDefinition, root: protobuf.Root): void {
  for (const [name, entry] of Object.entries(definition)) {
    if ("format" in entry) continue;
    const service = entry as ServiceDefinition;
    const types = root.lookupService(name);
    Object.assign(service, withStrictRequests(service, types));
    for (const [methodName, method] of Object.entries(service)) {
      method.responseDeserialize = decoderOf(types.methods[methodName]!.resolvedResponseType!);
    }
  }
}
