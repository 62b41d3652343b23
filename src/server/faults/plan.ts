/** What is to be done to a call on purpose, and by whom. */
import type { Fault } from "../../contract/events.ts";
import type { Answer, IncomingCall } from "../call/incoming_call.ts";

/** The longest delay that a call or a file may ask for, in milliseconds. */
export const MAX_DELAY_MS = 60_000;

/** What is to be done to one call. */
export interface Plan {
  /** What is done on purpose, for the log and the metrics too; absent where that is nothing. */
  readonly fault?: Fault;
  /** The answer in place of the usual one. */
  readonly answer?: Answer;
  /** Metadata to send with the answer, whichever it is. */
  readonly metadata?: NonNullable<Answer["metadata"]>;
}

/** Makes the plan for a call; undefined if it has nothing to say of this call, and others may. */
export type Planner = (call: IncomingCall) => Plan | undefined;

/** A file of answers. */
export interface AnswersFile {
  readonly path: string;
  /** Whether workers answer from it: lists of answers, which are counted, need one lasting process. */
  readonly workers: boolean;
}
