/** Servers with workers. */
import { openSession, roundTrip, startCall } from "./raw_client.ts";
import type { Serve } from "./program.ts";
import { until } from "./waits.ts";

/** How a server may run, as the name of a test says it, and the flags for that. */
export const PROCESSES: readonly (readonly [name: string, flags: readonly string[]])[] = [
  ["one process", []],
  ["a worker", ["--workers", "1"]],
];

export const TWO = ["--workers", "2"];
export const STARTED = /worker (\d+) \(process (\d+)\) has started\n/g;

/** The process ids of the workers that have started so far, the latest last. */
export function workersOf({ stderr }: Serve): number[] {
  return [...stderr.text.matchAll(STARTED)].map((match) => Number(match[2]));
}

/** Waits until so many workers have started since the start of the server. */
export async function started(server: Serve, count: number): Promise<number[]> {
  await server.stderr.until(new RegExp(`(?:[^]*?${STARTED.source}){${count}}`));
  return workersOf(server);
}

export function isAlive(pid: number): boolean {
  try {
    // Signal 0 asks only; Deno has no name for it, SIGCONT does nothing to a process that runs.
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch {
    return false;
  }
}

/** Waits until a process has ended, for one that is not our child: it tells nobody. */
export function gone(pid: number): Promise<void> {
  return until(`process ${pid} has ended`, () => !isAlive(pid));
}

/** Starts a call on a connection of its own; the next one goes to the next worker. */
export async function callInFlight(server: Serve) {
  const session = await openSession(server.port);
  const stream = startCall(session);
  // Whoever asks for the answer is told; a test that cuts the call expects it.
  stream.on("error", () => {});
  await roundTrip(session);
  return { session, stream };
}
