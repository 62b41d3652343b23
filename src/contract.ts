import type { ProtoGrpcType } from "./generated/user_service.ts";
import text from "../proto/user_service.proto" with { type: "text" };

export type { GetUserRequest__Output as GetUserRequest } from "./generated/userservice/GetUserRequest.ts";
export type { GetUserResponse__Output as GetUserResponse } from "./generated/userservice/GetUserResponse.ts";
export type {
  UserServiceClient,
  UserServiceHandlers,
} from "./generated/userservice/UserService.ts";

/** The text of `proto/user_service.proto`, embedded when the program was built. */
export const protoText: string = text;

/**
 * The one definition of `userservice.UserService` that server and client share: a client
 * constructor whose `service` property is the definition that a server registers.
 */
export type UserService = ProtoGrpcType["userservice"]["UserService"];

let loaded: Promise<UserService> | undefined;

/**
 * Loads the contract. The text is parsed on the first call; later calls return the same
 * definition.
 *
 * The libraries are imported here, not at the top, so that a command that only needs
 * {@linkcode protoText} does not pay for them.
 *
 * @throws {Error} if the embedded text is not a valid contract
 */
export function loadContract(): Promise<UserService> {
  return loaded ??= parseContract();
}

async function parseContract(): Promise<UserService> {
  const [{ loadPackageDefinition }, { fromJSON }, { default: protobuf }] = await Promise.all([
    import("@grpc/grpc-js"),
    import("@grpc/proto-loader"),
    import("protobufjs"),
  ]);
  const root = protobuf.parse(protoText, { keepCase: true }).root;
  // The options have to match those of tools/generate.ts, which makes the types.
  const definition = fromJSON(root.toJSON(), {
    keepCase: true,
    defaults: true,
  });
  const contract = loadPackageDefinition(
    definition,
  ) as unknown as ProtoGrpcType;
  return contract.userservice.UserService;
}
