import { type handleUnaryCall, status } from "@grpc/grpc-js";
import type { GetUserRequest, GetUserResponse } from "../contract.ts";
import type { Call, ServerEvents } from "./events.ts";
import { usernameFault } from "./username.ts";

/**
 * Makes the handler of `userservice.UserService/GetUser`: `Привет, NAME!`, or INVALID_ARGUMENT for
 * a username that is empty, blank or too long.
 */
export function getUserHandler(
  events: ServerEvents,
): handleUnaryCall<GetUserRequest, GetUserResponse> {
  return (serverCall, respond) => {
    const start = performance.now();
    const { username } = serverCall.request;
    const call: Call = {
      service: "userservice.UserService",
      method: "GetUser",
      peer: peerOf(serverCall.getPeer()),
      username,
    };
    events.callReceived(call);
    const fault = usernameFault(username);
    if (fault === undefined) {
      respond(null, { message: `Привет, ${username}!` });
      events.callFinished(call, { code: status.OK, timeMs: performance.now() - start });
    } else {
      const code = status.INVALID_ARGUMENT;
      respond({ code, details: fault });
      events.callFinished(call, { code, reason: fault, timeMs: performance.now() - start });
    }
  };
}

/** On a socket for both IP versions an IPv4 peer has an IPv6 address, `::ffff:127.0.0.1`. */
function peerOf(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, "");
}
