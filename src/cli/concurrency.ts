const MAX_CONCURRENCY = 1_000;

/** What {@linkcode parseConcurrency} accepts, in words for help and errors. */
export const CONCURRENCY = `a number from 1 to ${MAX_CONCURRENCY}`;

/** Reads how many calls may be under way at once; undefined if the text is not such a number. */
export function parseConcurrency(text: string): number | undefined {
  const count = /^\d{1,4}$/.test(text) ? Number(text) : 0;
  return count >= 1 && count <= MAX_CONCURRENCY ? count : undefined;
}
