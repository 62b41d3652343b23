/** A worker that has lived this long did start well, in milliseconds. */
const STABLE_MS = 10_000;
const FIRST_MS = 250;
const MAX_MS = 30_000;

/**
 * How long to wait before a worker that has died is replaced: not at all the first time, then twice
 * as long each time, up to 30 s, until one has lived for 10 s.
 */
export interface BackOff {
  /**
   * Counts a death.
   *
   * @param livedMs how long it had lived, in milliseconds
   * @returns how long to wait, in milliseconds
   */
  died(livedMs: number): number;
}

/** Makes a {@linkcode BackOff} that has counted nothing yet. */
export function openBackOff(): BackOff {
  let deaths = 0;
  return {
    died(livedMs) {
      deaths = livedMs >= STABLE_MS ? 1 : deaths + 1;
      return deaths === 1 ? 0 : Math.min(FIRST_MS * 2 ** (deaths - 2), MAX_MS);
    },
  };
}
