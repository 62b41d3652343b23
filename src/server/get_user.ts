import { type handleUnaryCall, Metadata, type ServerUnaryCall, status } from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import { type GetUserRequest, type GetUserResponse, serviceName } from "../contract/contract.ts";
import { DETAILS_TRAILER, encodeBadRequest } from "../contract/error_details.ts";
import type { Call, ServerEvents } from "./events.ts";
import type { Faults } from "./faults.ts";
import { beginCall, type Ending } from "./call_ending.ts";
import { usernameFault } from "./username.ts";

type GetUserCall = ServerUnaryCall<GetUserRequest, GetUserResponse>;
type GetUserEnding = Ending<GetUserResponse>;

/** The implementation of `userservice.UserService/GetUser`. */
export interface GetUser {
  readonly handle: handleUnaryCall<GetUserRequest, GetUserResponse>;
  /** Ends the calls that wait for their answer, with UNAVAILABLE: the server can wait no longer. */
  cancel(): void;
}

/**
 * Makes the implementation of `userservice.UserService/GetUser`: `Привет, NAME!`, or INVALID_ARGUMENT
 * with a `google.rpc.BadRequest` for a username that is empty, blank or too long.
 *
 * A call whose client has gone, or whose deadline has passed, is not answered.
 *
 * @param faults what goes wrong on purpose
 */
export function getUser(events: ServerEvents, faults: Faults = {}): GetUser {
  const { delayMs } = faults;
  // Each one cancels a call.
  const waiting = new Set<() => void>();
  return {
    handle: (serverCall, respond) => {
      const end = beginCall(describe(serverCall), respond, events);
      if (delayMs === undefined) return end(() => answer(serverCall, faults));
      const stopWaiting = (ending: () => GetUserEnding) => {
        clearTimeout(timer);
        waiting.delete(cancel);
        end(ending);
      };
      const cancel = () => stopWaiting(() => CANCELLED);
      const timer = setTimeout(() => stopWaiting(() => answer(serverCall, faults)), delayMs);
      waiting.add(cancel);
      serverCall.once("cancelled", () => stopWaiting(() => abandoned(serverCall)));
    },
    cancel: () => waiting.forEach((cancel) => cancel()),
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

function answer(call: GetUserCall, { fail }: Faults): GetUserEnding {
  if (call.cancelled) return abandoned(call);
  if (fail !== undefined && Math.random() < fail.rate) {
    return failure(status[fail.code], fail.reason);
  }
  const fault = usernameFault(call.request.username);
  if (fault !== undefined) return refusal(fault);
  const message = `Привет, ${call.request.username}!`;
  return { outcome: { code: status.OK }, answer: [null, { message }] };
}

function failure(code: status, reason: string, metadata?: Metadata): GetUserEnding {
  const error = { code, details: reason, ...(metadata === undefined ? {} : { metadata }) };
  return { outcome: { code, reason }, answer: [error] };
}

function refusal(fault: string): GetUserEnding {
  const code = status.INVALID_ARGUMENT;
  const metadata = new Metadata();
  const details = encodeBadRequest(code, fault, [{ field: "username", description: fault }]);
  metadata.set(DETAILS_TRAILER, Buffer.from(details));
  return failure(code, fault, metadata);
}

/** UNAVAILABLE, as if the connection had been cut: the client may try again, elsewhere. */
const CANCELLED = failure(
  status.UNAVAILABLE,
  "cancelled by the server: the grace period is over",
);

/** Nobody waits for the answer any more. */
function abandoned(call: GetUserCall): GetUserEnding {
  const deadline = call.getDeadline();
  const outcome = Number(deadline) <= Date.now()
    ? { code: status.DEADLINE_EXCEEDED, reason: "the deadline passed before the answer" }
    : { code: status.CANCELLED, reason: "the client went away before the answer" };
  return { outcome };
}
