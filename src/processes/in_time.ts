/** What {@linkcode inTime} returns in place of an answer that has not come. */
export const LATE = Symbol("late");

/** How long an answer of a worker is waited for, in milliseconds. */
const ANSWER_MS = 1_000;

/** Waits for an answer, but no longer than 1 s. The answer may still come. */
export async function inTime<T>(answer: Promise<T>): Promise<T | typeof LATE> {
  const { promise: late, resolve } = Promise.withResolvers<typeof LATE>();
  const timer = setTimeout(() => resolve(LATE), ANSWER_MS);
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
