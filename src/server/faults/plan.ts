import { milliseconds } from "../../text/amounts.ts";
import type { Fault } from "../../contract/events.ts";
import type { Answer, IncomingCall } from "../call/incoming_call.ts";

/** What is planned for one call. Without a source of it nothing is done on purpose. */
export interface Plan extends Partial<Fault> {
  /** The answer in place of the usual one. */
  readonly answer?: Answer;
  /** Metadata to send with the answer, whichever it is. */
  readonly metadata?: NonNullable<Answer["metadata"]>;
  /** Trailers to send with the answer, whichever it is. */
  readonly trailers?: NonNullable<Answer["trailers"]>;
}

/** Makes the plan for a call; undefined if it has nothing to say of this call, and others may. */
export type Planner = (call: IncomingCall) => Plan | undefined;

/** How late an answer is to come: always the same, or anything within a range. */
export interface Delay {
  /** In milliseconds. */
  readonly minMs: number;
  /** In milliseconds; as much as the least where the delay is always the same. */
  readonly maxMs: number;
}

/** The longest delay that a call or a file may ask for, in milliseconds. */
export const MAX_DELAY_MS = 60_000;

/**
 * Reads a delay, `200ms`, or a range of delays, `50ms-200ms`.
 *
 * @param maxMs the longest that is accepted, in milliseconds; the shortest is none, `0`
 * @returns undefined if the text is something else, or the range begins after its end
 */
export function parseDelay(text: string, maxMs: number = MAX_DELAY_MS): Delay | undefined {
  const [min, max = min, ...rest] = text.split("-").map(milliseconds);
  if (min === undefined || max === undefined || rest.length > 0) return undefined;
  return min <= max && max <= maxMs ? { minMs: min, maxMs: max } : undefined;
}

/** Draws the next number from 0 (included) to 1 (excluded), all of which are equally likely. */
export type Random = () => number;

/** Chooses one of a range, all of which are equally likely; in milliseconds. */
export function drawDelay({ minMs, maxMs }: Delay, random: Random): number {
  return minMs + random() * (maxMs - minMs);
}
