import { status } from "@grpc/grpc-js";
import type { ServerEvents } from "./events.ts";
import type { Answer, IncomingCall } from "./incoming_call.ts";

/** How a call ends. */
export interface Ending {
  /** What the caller is told, and with its code and reason what log and metrics are told. */
  readonly answer: Answer;
  /** Nobody waits for the answer any more: it is for log and metrics alone. */
  readonly unheard?: true;
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
 * @returns ends the call, unless it has ended; what throws on the way there is INTERNAL
 * @see https://github.com/grpc/grpc-node/issues/2771
 */
export function beginCall(
  call: IncomingCall,
  events: ServerEvents,
): (ending: () => Ending) => void {
  const start = performance.now();
  let ended = false;
  const end = ({ answer, unheard }: Ending) => {
    if (ended) return;
    if (!unheard) call.answer(answer);
    ended = true;
    const { code, reason } = answer;
    const timeMs = performance.now() - start;
    events.callFinished(call, reason === undefined ? { code, timeMs } : { code, reason, timeMs });
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
