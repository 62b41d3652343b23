/**
 * A child process does not notice that its parent has gone.
 *
 * - What is wrong: a child of `fork` gets no `disconnect` when its parent ends, or closes the channel,
 *   with a message in it that the parent has not read.
 * - Versions: Deno 2.9.2 to 2.9.6; not Node.
 * - Upstream: no issue is known.
 * - Measured: such a worker stays for ever; with this file it begins to drain within a second.
 * - Fails: without it "a worker ends whose supervisor was killed before it read everything" in
 *   tests/processes/workers_test.ts; after an update nothing.
 * - It can go when that test passes without it.
 */
import process from "node:process";

/** How often the parent is looked at, in milliseconds. */
const INTERVAL_MS = 1_000;

/** Waits until the process that has started this one with `fork` has ended, or has closed the channel. */
export function parentGone(): Promise<void> {
  return new Promise((resolve) => {
    // The system gives a process whose parent has ended another one.
    const { ppid } = process;
    const timer = setInterval(() => process.ppid !== ppid && over(), INTERVAL_MS);
    const over = () => {
      clearInterval(timer);
      resolve();
    };
    process.once("disconnect", over);
  });
}
