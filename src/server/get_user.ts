import {
  type handleUnaryCall,
  Metadata,
  type sendUnaryData,
  type ServerUnaryCall,
  status,
} from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import { type GetUserRequest, type GetUserResponse, serviceName } from "../contract.ts";
import { DETAILS_TRAILER, encodeBadRequest } from "../error_details.ts";
import type { Call, Outcome, ServerEvents } from "./events.ts";
import type { Faults } from "./failure.ts";
import { usernameFault } from "./username.ts";

type GetUserCall = ServerUnaryCall<GetUserRequest, GetUserResponse>;
type Respond = sendUnaryData<GetUserResponse>;

/**
 * Makes the handler of `userservice.UserService/GetUser`: `Привет, NAME!`, or INVALID_ARGUMENT with
 * a `google.rpc.BadRequest` for a username that is empty, blank or too long.
 *
 * A call whose client has gone, or whose deadline has passed, is not answered.
 *
 * @param faults what goes wrong on purpose
 */
export function getUserHandler(
  events: ServerEvents,
  faults: Faults = {},
): handleUnaryCall<GetUserRequest, GetUserResponse> {
  const { delayMs } = faults;
  return (serverCall, respond) => {
    const start = performance.now();
    const call = describe(serverCall);
    const end = (outcome: Omit<Outcome, "timeMs">) =>
      events.callFinished(call, { ...outcome, timeMs: performance.now() - start });
    // Where our own code fails, the caller learns nothing of it and the log everything.
    const guarded = (step: () => void) => {
      try {
        step();
      } catch (error) {
        respond({ code: status.INTERNAL, details: "internal error" });
        const message = error instanceof Error ? error.stack ?? error.message : String(error);
        events.notice({ level: "error", event: "handler_failed", message });
        end({ code: status.INTERNAL, reason: "internal error" });
      }
    };
    const finish = () => guarded(() => end(answer(serverCall, respond, faults)));

    guarded(() => {
      events.callReceived(call);
      if (delayMs === undefined) return finish();
      const timer = setTimeout(finish, delayMs);
      serverCall.once("cancelled", () => {
        clearTimeout(timer);
        end(abandoned(serverCall));
      });
    });
  };
}

function describe(serverCall: GetUserCall): Call {
  return {
    service: serviceName,
    method: "GetUser",
    // Not a getter: to make an object literal with one took 1 % of the CPU profile of a call.
    peer: () => peerOf(serverCall.getPeer()),
    username: serverCall.request.username,
  };
}

/** On a socket for both IP versions an IPv4 peer has an IPv6 address, `::ffff:127.0.0.1`. */
function peerOf(address: string): string {
  return address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
}

function answer(call: GetUserCall, respond: Respond, { fail }: Faults): Omit<Outcome, "timeMs"> {
  if (call.cancelled) return abandoned(call);
  if (fail !== undefined && Math.random() < fail.rate) {
    const reason = "failed on purpose (--fail)";
    respond({ code: status[fail.code], details: reason });
    return { code: status[fail.code], reason };
  }
  const fault = usernameFault(call.request.username);
  if (fault !== undefined) return refuse(respond, fault);
  respond(null, { message: `Привет, ${call.request.username}!` });
  return { code: status.OK };
}

function refuse(respond: Respond, fault: string): Omit<Outcome, "timeMs"> {
  const code = status.INVALID_ARGUMENT;
  const metadata = new Metadata();
  const details = encodeBadRequest(code, fault, [{ field: "username", description: fault }]);
  metadata.set(DETAILS_TRAILER, Buffer.from(details));
  respond({ code, details: fault, metadata });
  return { code, reason: fault };
}

/** Nobody waits for the answer any more. */
function abandoned(call: GetUserCall): Omit<Outcome, "timeMs"> {
  const deadline = call.getDeadline();
  return Number(deadline) <= Date.now()
    ? { code: status.DEADLINE_EXCEEDED, reason: "the deadline passed before the answer" }
    : { code: status.CANCELLED, reason: "the client went away before the answer" };
}
