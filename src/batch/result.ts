import type { AnswerContext } from "../client/answer_context.ts";
import { describeFailure, type FailureDescription, isServiceError } from "../client/failure.ts";
import type { UserClient } from "../client/user_client.ts";
import { type ErrorDetail, errorDetails } from "../contract/error_details.ts";

/** How a call of a batch ended. */
export type CallResult = {
  readonly username: string;
  /** From the start of the call, or from when it was to start at a rate, to its end, in milliseconds. */
  readonly latencyMs: number;
  /** What came beside the message, where somebody wants to know. */
  readonly context?: AnswerContext;
} & ({ readonly message: string } | { readonly failure: Failure });

/** Why a call of a batch failed, for all that print or count it. */
export interface Failure extends FailureDescription {
  /** The reason, but empty where the server gave none. */
  readonly message: string;
  /** What the server has sent in the status details. */
  readonly details?: readonly ErrorDetail[];
}

/**
 * Makes one call. It does not reject: a failed call is a result too.
 *
 * @param startMs from when its latency counts, by `performance.now()`
 */
export type MakeCall = (username: string, startMs: number) => Promise<CallResult>;

/** How the calls of a batch are made. */
interface CallerOptions {
  /** The deadline of each call, in milliseconds. */
  readonly timeoutMs: number;
  /** Whether the results have what came beside the message. */
  readonly contexts: boolean;
}

/** Makes the function that makes the calls of a batch. */
export function callerOf({ getUser }: UserClient, options: CallerOptions): MakeCall {
  const { timeoutMs, contexts } = options;
  return async (username, startMs) => {
    let context: AnswerContext | undefined;
    const onContext = (came: AnswerContext) => context = came;
    let latencyMs = 0;
    // To decode the details of a failure takes time that is not the server's.
    const call = getUser(username, { timeoutMs, ...(contexts && { onContext }) })
      .finally(() => latencyMs = performance.now() - startMs);
    const ending = await endingOf(call, timeoutMs);
    return { username, latencyMs, ...ending, ...(context && { context }) };
  };
}

async function endingOf(
  call: Promise<string>,
  timeoutMs: number,
): Promise<{ readonly message: string } | { readonly failure: Failure }> {
  try {
    return { message: await call };
  } catch (error) {
    return { failure: await failureOf(error, timeoutMs) };
  }
}

async function failureOf(error: unknown, timeoutMs: number): Promise<Failure> {
  const description = describeFailure(error, timeoutMs);
  if (!isServiceError(error)) return { ...description, message: description.reason };
  const details = await errorDetails(error);
  return {
    ...description,
    // "no reason given" is for people.
    message: error.details === "" ? "" : description.reason,
    ...(details && { details }),
  };
}
