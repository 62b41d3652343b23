import type { Contract } from "./parse_contract.ts";
import text from "../../proto/user_service.proto" with { type: "text" };

export type { GetUserRequest__Output as GetUserRequest } from "./generated/userservice/GetUserRequest.ts";
export type { GetUserResponse__Output as GetUserResponse } from "./generated/userservice/GetUserResponse.ts";
export type {
  UserServiceClient,
  UserServiceHandlers,
} from "./generated/userservice/UserService.ts";
export type { Contract };

/** The text of `proto/user_service.proto`, embedded when the program was built. */
export const protoText: string = text;

/** The file's name, as tools know it. */
export const protoFile = "user_service.proto";

/** The full name of the service. */
export const serviceName = "userservice.UserService";

let loaded: Promise<Contract> | undefined;

/**
 * Loads the contract. The text is parsed on the first call; later calls return the same contract.
 *
 * The libraries are imported here, not at the top, so that a command that only needs
 * {@linkcode protoText} does not pay for them.
 *
 * @throws {Error} if the embedded text is not a valid contract
 */
export function loadContract(): Promise<Contract> {
  return loaded ??= import("./parse_contract.ts").then(({ parseContract }) =>
    parseContract(protoText, serviceName)
  );
}
