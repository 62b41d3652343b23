/** Programs that run beside the test, and how long it waits for them. */
import { spawnUsersvc, Transcript } from "./program.ts";

/** How long anything may take that is waited for, in milliseconds. */
const LIMIT_MS = 30_000;

/** A program that runs. */
export interface Program {
  readonly pid: number;
  readonly stdout: Transcript;
  readonly stderr: Transcript;
  kill(signal: Deno.Signal): void;
  /** The exit code, once it has ended. */
  readonly ended: Promise<number>;
  /** All that it has printed was read; what it has started and left behind would still print. */
  readonly printed: Promise<unknown>;
}

/** Starts usersvc. */
export function start(args: readonly string[]): Program {
  const child = spawnUsersvc(args);
  const stdout = new Transcript(child.stdout);
  const stderr = new Transcript(child.stderr);
  return {
    pid: child.pid,
    stdout,
    stderr,
    kill: (signal) => child.kill(signal),
    ended: child.status.then(({ code }) => code),
    printed: Promise.all([stdout.all(), stderr.all()]),
  };
}

/**
 * Waits for something, but not for ever.
 *
 * @throws {Error} if it takes longer than half a minute
 */
export async function within<T>(promise: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error("it takes too long")), LIMIT_MS);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits for a time, in milliseconds. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
