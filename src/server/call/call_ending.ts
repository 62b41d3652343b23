import { status } from "@grpc/grpc-js";
import type { Fault, Outcome, ServerEvents } from "../../contract/events.ts";
import type { Answer, IncomingCall } from "./incoming_call.ts";

/** How a call ends. */
export interface Ending {
  /** What the caller is told, and with its code and reason what log and metrics are told. */
  readonly answer: Answer;
  /** Nobody waits for the answer any more: it is for log and metrics alone. */
  readonly unheard?: true;
  /** What was done on purpose. */
  readonly fault?: Fault;
}

/** Where our own code fails, the caller learns nothing of it and the log everything. */
const FAILED: Ending = { answer: { code: status.INTERNAL, reason: "internal error" } };

/**
 * Begins a call, and tells `events` of it.
 *
 * The function that it returns is the only way to end the call. Several things can want that: the
 * answer, the client that gives up, the deadline, the drain, a fault of ours. The first one wins, so a
 * call is answered at most once, and has one record and one count. grpc-js alone does not see to that:
 * it emits `cancelled` after an answer, too.
 *
 * @param metadata what every answer carries
 * @returns ends the call, unless it has ended, or its ending is undefined: it is to end later; what
 * throws on the way there is INTERNAL
 * @see https://github.com/grpc/grpc-node/issues/2771
 */
export function beginCall(
  call: IncomingCall,
  events: ServerEvents,
  metadata?: Answer["metadata"],
): (ending: () => Ending | undefined) => void {
  const start = performance.now();
  let ended = false;
  const end = (ending: Ending | undefined) => {
    if (ended || ending === undefined) return;
    const { answer, unheard } = ending;
    if (!unheard) call.answer(metadata === undefined ? answer : withMetadata(answer, metadata));
    ended = true;
    events.callFinished(call, outcomeOf(ending, performance.now() - start));
  };
  const guarded = (step: () => void) => {
    try {
      step();
    } catch (error) {
      const message = error instanceof Error ? error.stack ?? error.message : String(error);
      events.notice({ level: "error", event: "handler_failed", message });
      end(FAILED);
    }
  };
  guarded(() => events.callReceived(call));
  return (ending) => {
    if (!ended) guarded(() => end(ending()));
  };
}

function outcomeOf({ answer: { code, reason }, fault }: Ending, timeMs: number): Outcome {
  if (fault !== undefined) {
    return { code, ...(reason === undefined ? {} : { reason }), fault, timeMs };
  }
  return reason === undefined ? { code, timeMs } : { code, reason, timeMs };
}

/** What an answer says itself wins. */
function withMetadata(answer: Answer, metadata: NonNullable<Answer["metadata"]>): Answer {
  return { ...answer, metadata: { ...metadata, ...answer.metadata } };
}
