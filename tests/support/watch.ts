import { shellCommand, Transcript } from "./program.ts";

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
  const child = new Deno.Command("bash", {
    args: ["-c", `exec ${shellCommand(`check --watch --port ${port} ${args}`)}`],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  const end = async (signal: Deno.Signal) => {
    child.kill(signal);
    return (await child.status).code;
  };
  const stdout = new Transcript(child.stdout);
  const stderr = new Transcript(child.stderr);
  let ended = false;
  void child.status.then(() => ended = true);
  try {
    await use({ stdout, stderr, end, ended: async () => (await child.status).code });
  } finally {
    if (!ended) await end("SIGKILL");
    await Promise.all([stdout.all(), stderr.all()]);
  }
}
