import { shellCommand, startProgram, type Transcript } from "./program.ts";

/** A started `usersvc check --watch`. */
export interface Watch {
  readonly stdout: Transcript;
  readonly stderr: Transcript;
  /** Sends a signal, waits for the end and returns the exit code. */
  end(signal: Deno.Signal): Promise<number>;
  /** Waits for the end and returns the exit code. */
  ended(): Promise<number>;
}

/**
 * Watches a port for one test and stops it afterwards.
 *
 * @param args further arguments, as a part of a line of shell
 */
export async function withWatch(
  port: number,
  args: string,
  use: (watch: Watch) => Promise<void>,
): Promise<void> {
  const line = `exec ${shellCommand(`check --watch --port ${port} ${args}`)}`;
  const { stdout, stderr, kill, exitCode, ended } = startProgram("bash", ["-c", line]);
  let over = false;
  void exitCode.then(() => over = true);
  try {
    const end = (signal: Deno.Signal) => (kill(signal), exitCode);
    await use({ stdout, stderr, end, ended: () => exitCode });
  } finally {
    if (!over) kill("SIGKILL");
    await ended();
  }
}
