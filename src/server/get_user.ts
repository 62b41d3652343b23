import { status } from "@grpc/grpc-js";
import { beginCall, type Ending } from "./call_ending.ts";
import type { ServerEvents } from "./events.ts";
import type { Faults } from "./faults.ts";
import type { IncomingCall } from "./incoming_call.ts";
import { usernameFault } from "./username.ts";

/** The implementation of `userservice.UserService/GetUser`, for every protocol. */
export interface GetUser {
  /** Answers a call, at once or later. */
  handle(call: IncomingCall): void;
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
    handle: (call) => {
      const end = beginCall(call, events);
      if (delayMs === undefined) return end(() => endingOf(call, faults));
      const stopWaiting = (ending: () => Ending) => {
        clearTimeout(timer);
        waiting.delete(cancel);
        end(ending);
      };
      const cancel = () => stopWaiting(() => CANCELLED);
      const timer = setTimeout(() => stopWaiting(() => endingOf(call, faults)), delayMs);
      waiting.add(cancel);
      call.onCancelled(() => stopWaiting(() => abandoned(call)));
    },
    cancel: () => waiting.forEach((cancel) => cancel()),
  };
}

function endingOf(call: IncomingCall, { fail }: Faults): Ending {
  if (call.isCancelled()) return abandoned(call);
  if (fail !== undefined && Math.random() < fail.rate) {
    return { answer: { code: status[fail.code], reason: fail.reason } };
  }
  const fault = usernameFault(call.username);
  if (fault !== undefined) return refusal(fault);
  return { answer: { code: status.OK, message: `Привет, ${call.username}!` } };
}

function refusal(reason: string): Ending {
  const violations = [{ field: "username", description: reason }];
  return { answer: { code: status.INVALID_ARGUMENT, reason, violations } };
}

/** UNAVAILABLE, as if the connection had been cut: the client may try again, elsewhere. */
const CANCELLED: Ending = {
  answer: {
    code: status.UNAVAILABLE,
    reason: "cancelled by the server: the grace period is over",
  },
};

/** Nobody waits for the answer any more. */
function abandoned(call: IncomingCall): Ending {
  const answer = call.deadline() <= Date.now()
    ? { code: status.DEADLINE_EXCEEDED, reason: "the deadline passed before the answer" }
    : { code: status.CANCELLED, reason: "the client went away before the answer" };
  return { answer, unheard: true };
}
