import type { Fault, ServerEvents } from "../../contract/events.ts";
import { stackOf } from "../../text/errors.ts";
import type { Plan } from "../faults/plan.ts";
import type { Answer, IncomingCall } from "./incoming_call.ts";

/** A call that has come. */
export interface OpenCall {
  readonly call: IncomingCall;
  /** When it came, as `performance.now()` says it. */
  readonly startMs: number;
  plan: Plan | undefined;
  /** Ends the wait for its answer. */
  timer: ReturnType<typeof setTimeout> | undefined;
  ended: boolean;
}

/** Ends calls. */
interface CallEnding {
  /**
   * Ends a call, unless it has ended. A client that has gone, or whose deadline has passed, is not
   * answered.
   *
   * @param answer by default the planned one, or else the usual one
   */
  finish(open: OpenCall, answer?: Answer): void;
  /** Ends a call for which our own code has failed: the caller learns nothing of it, the log all. */
  fail(open: OpenCall, error: unknown): void;
}

const FAILED: Answer = { code: "INTERNAL", reason: "internal error" };

/**
 * Makes what ends calls. Several things can want to end one: its answer, the client that gives up, the
 * deadline, the drain, a fault of ours. The first one wins, so a call is answered at most once, and has
 * one record and one count. grpc-js alone does not see to that: it emits `cancelled` after an answer, too.
 *
 * @param usualAnswer the answer to a username where none is planned
 * @param metadata what every answer carries
 * @see https://github.com/grpc/grpc-node/issues/2771
 */
export function callEnding(
  events: ServerEvents,
  usualAnswer: (username: string) => Answer,
  metadata: Answer["metadata"],
): CallEnding {
  const plannedAnswer = ({ call, plan }: OpenCall): Answer => {
    const answer = plan?.answer ?? usualAnswer(call.username);
    if (plan?.metadata === undefined && plan?.trailers === undefined) return answer;
    const { metadata, trailers } = plan;
    return { ...answer, ...(metadata && { metadata }), ...(trailers && { trailers }) };
  };
  const end = (open: OpenCall, answer: Answer) => {
    const { call, plan, startMs } = open;
    const isHeard = !call.isCancelled();
    if (isHeard) call.answer(withMetadata(answer, metadata));
    open.ended = true;
    const { code, reason } = isHeard ? answer : abandoned(call);
    const fault = isFault(plan) ? plan : undefined;
    events.callFinished(call, { code, reason, fault, timeMs: performance.now() - startMs });
  };
  const fail = (open: OpenCall, error: unknown) => {
    events.notice({ level: "error", event: "handler_failed", message: stackOf(error) });
    if (!open.ended) end(open, FAILED);
  };
  return {
    finish(open, answer) {
      if (open.ended) return;
      try {
        end(open, answer ?? plannedAnswer(open));
      } catch (error) {
        fail(open, error);
      }
    },
    fail,
  };
}

/** What an answer says itself wins. */
function withMetadata(answer: Answer, metadata: Answer["metadata"]): Answer {
  return metadata === undefined
    ? answer
    : { ...answer, metadata: { ...metadata, ...answer.metadata } };
}

/** What the record says of a call that nobody waits for any more. */
function abandoned(call: IncomingCall): Answer {
  return call.deadline() <= Date.now()
    ? { code: "DEADLINE_EXCEEDED", reason: "the deadline passed before the answer" }
    : { code: "CANCELLED", reason: "the client went away before the answer" };
}

function isFault(plan: Plan | undefined): plan is Plan & Fault {
  return plan?.source !== undefined;
}
