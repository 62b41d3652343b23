import { badRequest } from "../../contract/error_details.ts";
import type { ServerEvents } from "../../contract/events.ts";
import { usernameFault } from "../../contract/username.ts";
import type { Plan, Planner } from "../faults/plan.ts";
import { callEnding, type OpenCall } from "./call_ending.ts";
import type { Answer, IncomingCall } from "./incoming_call.ts";

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
interface GetUserOptions {
  /** Plans what is done on purpose; absent: nothing. */
  readonly plan?: Planner | undefined;
  /** What every answer carries. */
  readonly metadata?: Answer["metadata"];
}

/** UNAVAILABLE, as if the connection had been cut: the client may try again, elsewhere. */
const CANCELLED: Answer = {
  code: "UNAVAILABLE",
  reason: "cancelled by the server: the grace period is over",
};

/** A call that is kept open would hold up the whole drain, and never be answered. */
const DRAINING: Answer = { code: "UNAVAILABLE", reason: "the server is draining" };

/**
 * Makes the implementation of `userservice.UserService/GetUser`: `Привет, NAME!`, or INVALID_ARGUMENT
 * with a `google.rpc.BadRequest` for a username that is empty, blank or too long.
 */
export function getUser(events: ServerEvents, { plan, metadata }: GetUserOptions = {}): GetUser {
  const { finish, fail } = callEnding(events, usualAnswer, metadata);
  const waiting = new Set<OpenCall>();
  let draining = false;
  const endWait = (open: OpenCall, answer?: Answer) => {
    clearTimeout(open.timer);
    waiting.delete(open);
    finish(open, answer);
  };
  const play = async (open: OpenCall, wire: string) => {
    try {
      const { playing } = await import("../faults/wire.ts");
      open.plan = playing(wire, open.plan!, open.call, usualAnswer(open.call.username));
      endWait(open);
    } catch (error) {
      waiting.delete(open);
      fail(open, error);
    }
  };
  const wait = (open: OpenCall) => {
    const { delayMs, keepOpen, wire } = open.plan!;
    if (keepOpen && draining) return finish(open, DRAINING);
    waiting.add(open);
    const isOver = wire === undefined ? () => endWait(open) : () => void play(open, wire);
    if (!keepOpen) open.timer = setTimeout(isOver, delayMs);
    open.call.onCancelled(() => endWait(open));
  };
  return {
    handle(call) {
      const startMs = performance.now();
      const open: OpenCall = { call, startMs, plan: undefined, timer: undefined, ended: false };
      try {
        events.callReceived(call);
        open.plan = plan?.(call);
        // Of a call that is already over nothing would end the wait.
        if (isToWait(open.plan) && !call.isCancelled()) wait(open);
        else finish(open);
      } catch (error) {
        fail(open, error);
      }
    },
    drain() {
      draining = true;
      for (const open of waiting) if (open.plan?.keepOpen) endWait(open, DRAINING);
    },
    cancel: () => waiting.forEach((open) => endWait(open, CANCELLED)),
  };
}

function isToWait(plan: Plan | undefined): boolean {
  if (plan === undefined) return false;
  return plan.keepOpen === true || plan.wire !== undefined || (plan.delayMs ?? 0) > 0;
}

function usualAnswer(username: string): Answer {
  const reason = usernameFault(username);
  if (reason === undefined) return { code: "OK", message: `Привет, ${username}!` };
  const details = [badRequest([{ field: "username", description: reason }])];
  return { code: "INVALID_ARGUMENT", reason, details };
}
