import { type sendUnaryData, status } from "@grpc/grpc-js";
import type { Call, Outcome, ServerEvents } from "./events.ts";

/** How a call ends. */
export interface Ending<Response> {
  /** What log and metrics are told. */
  readonly outcome: Omit<Outcome, "timeMs">;
  /** What the caller is told; absent where nobody waits for an answer any more. */
  readonly answer?: Parameters<sendUnaryData<Response>>;
}

/** Where our own code fails, the caller learns nothing of it and the log everything. */
const FAILED: Ending<never> = {
  outcome: { code: status.INTERNAL, reason: "internal error" },
  answer: [{ code: status.INTERNAL, details: "internal error" }],
};

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
export function beginCall<Response>(
  call: Call,
  respond: sendUnaryData<Response>,
  events: ServerEvents,
): (ending: () => Ending<Response>) => void {
  const start = performance.now();
  let ended = false;
  const end = ({ outcome, answer }: Ending<Response>) => {
    if (ended) return;
    if (answer) respond(...answer);
    ended = true;
    events.callFinished(call, { ...outcome, timeMs: performance.now() - start });
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
