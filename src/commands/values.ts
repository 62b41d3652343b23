const MAX_WORKERS = 256;

/** What {@linkcode parseWorkerCount} accepts, in words for help and errors. */
export const WORKER_COUNT = `a number from 1 to ${MAX_WORKERS}, or auto`;

/** Reads a number of workers; `auto` is one for each available core. Undefined if it is neither. */
export function parseWorkerCount(text: string): number | undefined {
  if (text === "auto") return Math.min(navigator.hardwareConcurrency, MAX_WORKERS);
  const count = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  return count >= 1 && count <= MAX_WORKERS ? count : undefined;
}
