/** Waits in tests, none of which may last for ever. */
import { LIMIT_MS } from "../../tools/programs.ts";

/**
 * Waits for something.
 *
 * @param ms for how long, in milliseconds
 * @throws {Error} if it has not happened by then
 */
export async function within<T>(ms: number, what: string, event: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`no ${what} within ${ms} ms`)), ms);
  try {
    return await Promise.race([event, promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** The same for what takes as long as the machine does. */
export function inTime<T>(what: string, event: Promise<T>): Promise<T> {
  return within(LIMIT_MS, what, event);
}

/** Waits for a time, in milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/**
 * Asks again until something is so.
 *
 * @throws {Error} if it is not so in time
 */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + LIMIT_MS; !await isSo(); await pause(10)) {
    if (Date.now() > end) throw new Error(`not in ${LIMIT_MS} ms: ${what}`);
  }
}
