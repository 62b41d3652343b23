import { milliseconds } from "../../text/amounts.ts";

/** How late an answer is to come: always the same, or anything within a range. */
export interface Delay {
  /** In milliseconds. */
  readonly minMs: number;
  /** In milliseconds; as much as the least where the delay is always the same. */
  readonly maxMs: number;
}

/**
 * Reads a delay, `200ms`, or a range of delays, `50ms-200ms`.
 *
 * @param maxMs the longest that is accepted, in milliseconds; the shortest is none, `0`
 * @returns undefined if the text is something else, or the range begins after its end
 */
export function parseDelay(text: string, maxMs: number): Delay | undefined {
  const [min, max = min, ...rest] = text.split("-").map(milliseconds);
  if (min === undefined || max === undefined || rest.length > 0) return undefined;
  return min <= max && max <= maxMs ? { minMs: min, maxMs: max } : undefined;
}

/** Chooses one of a range, all of which are equally likely; in milliseconds. */
export function drawDelay({ minMs, maxMs }: Delay): number {
  return minMs + Math.random() * (maxMs - minMs);
}
