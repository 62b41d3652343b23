const UNIT_MS: Record<string, number> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};
const MAX_MS = 24 * 3_600_000;

/** What {@linkcode parseDuration} accepts, in words for help and errors. */
export const DURATION = "a duration from 1ms to 24h with its unit, such as 500ms, 2s or 1m";

/**
 * Reads a duration such as `500ms`, `2s`, `1.5m` or `1h`.
 *
 * @returns milliseconds, or undefined if the text is not a duration from 1ms to 24h
 */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  if (!match) return undefined;
  const ms = Number(match[1]) * UNIT_MS[match[2]!]!;
  return ms >= 1 && ms <= MAX_MS ? ms : undefined;
}
