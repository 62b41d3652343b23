import { type handleUnaryCall, status } from "@grpc/grpc-js";
import type { GetUserRequest, GetUserResponse } from "../contract.ts";
import { usernameFault } from "./username.ts";

/** Told about each call of GetUser, before it is answered. */
export interface GetUserEvents {
  /** A call has come. The username is as it was sent: not yet checked, not escaped. */
  received(username: string): void;
  /** It is answered INVALID_ARGUMENT. */
  refused(username: string, peer: string, fault: string): void;
}

/**
 * Makes the handler of `userservice.UserService/GetUser`: `Привет, NAME!`, or INVALID_ARGUMENT for
 * a username that is empty, blank or too long.
 */
export function getUserHandler(
  events: GetUserEvents,
): handleUnaryCall<GetUserRequest, GetUserResponse> {
  return (call, respond) => {
    const { username } = call.request;
    events.received(username);
    const fault = usernameFault(username);
    if (fault === undefined) {
      respond(null, { message: `Привет, ${username}!` });
    } else {
      events.refused(username, peerOf(call.getPeer()), fault);
      respond({ code: status.INVALID_ARGUMENT, details: fault });
    }
  };
}

/** On a socket for both IP versions an IPv4 peer has an IPv6 address, `::ffff:127.0.0.1`. */
function peerOf(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, "");
}
