import { status } from "@grpc/grpc-js";
import { beginCall, type Ending } from "./call_ending.ts";
import type { Fault, ServerEvents } from "../../contract/events.ts";
import type { Answer, IncomingCall } from "./incoming_call.ts";
import type { Plan, Planner } from "../faults/plan.ts";
import { usernameFault } from "../../contract/username.ts";

/** The implementation of `userservice.UserService/GetUser`, for every protocol. */
export interface GetUser {
  /** Answers a call, at once or later. */
  handle(call: IncomingCall): void;
  /** Ends the calls that are never to be answered, now and from now on: the server drains. */
  drain(): void;
  /** Ends the calls that wait for their answer, with UNAVAILABLE: the server can wait no longer. */
  cancel(): void;
}

/** What GetUser does beyond greeting. */
export interface GetUserOptions {
  /** Decide what is done on purpose: the first that has something to say of a call does. */
  readonly planners?: readonly Planner[];
  /** What every answer carries. */
  readonly metadata?: Answer["metadata"];
}

/** Ends a call, unless it has ended. */
type End = ReturnType<typeof beginCall>;

/**
 * Makes the implementation of `userservice.UserService/GetUser`: `Привет, NAME!`, or INVALID_ARGUMENT
 * with a `google.rpc.BadRequest` for a username that is empty, blank or too long.
 *
 * A call whose client has gone, or whose deadline has passed, is not answered.
 */
export function getUser(
  events: ServerEvents,
  { planners = [], metadata }: GetUserOptions = {},
): GetUser {
  const waiting = openWaitingCalls();
  const planned = (call: IncomingCall, end: End): Ending | undefined => {
    const plan = firstPlan(planners, call);
    const { delayMs = 0, keepOpen } = plan?.fault ?? {};
    if (delayMs === 0 && keepOpen === undefined) return endingOf(call, plan);
    waiting.wait(call, plan!, end);
  };
  return {
    handle: (call) => {
      const end = beginCall(call, events, metadata);
      end(() => planners.length === 0 ? endingOf(call) : planned(call, end));
    },
    drain: waiting.endKeptOpen,
    cancel: waiting.cancel,
  };
}

function firstPlan(planners: readonly Planner[], call: IncomingCall): Plan | undefined {
  for (const plan of planners) {
    const made = plan(call);
    if (made !== undefined) return made;
  }
  return undefined;
}

/** The calls that wait for their answer on purpose. */
interface WaitingCalls {
  /** Has a call wait as long as its plan says. */
  wait(call: IncomingCall, plan: Plan, end: End): void;
  /** Ends those that are never to be answered, and from now on each that comes. */
  endKeptOpen(): void;
  /** Ends all. */
  cancel(): void;
}

function openWaitingCalls(): WaitingCalls {
  // Each one ends a call before its time.
  const keptOpen = new Set<(ending: Ending) => void>();
  const delayed = new Set<(ending: Ending) => void>();
  let draining = false;
  return {
    wait(call, plan, end) {
      const { delayMs, keepOpen } = plan.fault!;
      if (keepOpen && draining) return end(() => withFault(DRAINING, plan.fault));
      const calls = keepOpen ? keptOpen : delayed;
      const endNow = (ending: Ending) => stopWaiting(() => ending);
      const stopWaiting = (ending: () => Ending) => {
        clearTimeout(timer);
        calls.delete(endNow);
        end(() => withFault(ending(), plan.fault));
      };
      const timer = keepOpen
        ? undefined
        : setTimeout(() => stopWaiting(() => endingOf(call, plan)), delayMs);
      calls.add(endNow);
      call.onCancelled(() => stopWaiting(() => abandoned(call)));
    },
    endKeptOpen() {
      draining = true;
      keptOpen.forEach((end) => end(DRAINING));
    },
    cancel: () => [...delayed, ...keptOpen].forEach((end) => end(CANCELLED)),
  };
}

function withFault(ending: Ending, fault: Fault | undefined): Ending {
  return fault === undefined ? ending : { ...ending, fault };
}

/** The ending that a plan wants, or else the usual one. */
function endingOf(call: IncomingCall, plan?: Plan): Ending {
  if (call.isCancelled()) return withFault(abandoned(call), plan?.fault);
  if (plan === undefined) return { answer: usualAnswer(call.username) };
  const answer = plan.answer ?? usualAnswer(call.username);
  return withFault({
    answer: plan.metadata === undefined ? answer : { ...answer, metadata: plan.metadata },
  }, plan.fault);
}

function usualAnswer(username: string): Answer {
  const reason = usernameFault(username);
  if (reason === undefined) return { code: status.OK, message: `Привет, ${username}!` };
  const violations = [{ field: "username", description: reason }];
  return { code: status.INVALID_ARGUMENT, reason, violations };
}

/** UNAVAILABLE, as if the connection had been cut: the client may try again, elsewhere. */
const CANCELLED: Ending = {
  answer: {
    code: status.UNAVAILABLE,
    reason: "cancelled by the server: the grace period is over",
  },
};

/** A call that is kept open would hold up the whole drain, and never be answered. */
const DRAINING: Ending = {
  answer: { code: status.UNAVAILABLE, reason: "the server is draining" },
};

/** Nobody waits for the answer any more. */
function abandoned(call: IncomingCall): Ending {
  const answer = call.deadline() <= Date.now()
    ? { code: status.DEADLINE_EXCEEDED, reason: "the deadline passed before the answer" }
    : { code: status.CANCELLED, reason: "the client went away before the answer" };
  return { answer, unheard: true };
}
