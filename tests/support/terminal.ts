import { Transcript } from "./program.ts";

/** How long a program may run, in milliseconds. */
const MAX_MS = 60_000;

/** A program on a terminal. */
export interface Terminal {
  /** Types text. */
  type(text: string): Promise<void>;
  /** All that the program has shown. */
  readonly screen: Transcript;
}

/**
 * Runs a program on a terminal of its own for one test, on Linux.
 *
 * @param command a line of shell
 * @param columns how wide it is; 0 is a terminal that does not say
 */
export async function withTerminal(
  command: string,
  use: (terminal: Terminal) => Promise<void>,
  env: Record<string, string> = {},
  columns = 200,
): Promise<void> {
  const child = new Deno.Command("script", {
    args: [
      "--quiet",
      "--command",
      `stty rows ${columns === 0 ? 0 : 100} cols ${columns}; exec ${command}`,
      "/dev/null",
    ],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
    env: { TERM: "dumb", ...env },
  }).spawn();
  // What a test waits for in vain would hold it up for ever.
  const timer = setTimeout(() => child.kill("SIGKILL"), MAX_MS);
  const screen = new Transcript(child.stdout);
  const keys = child.stdin.getWriter();
  try {
    await use({ type: (text) => keys.write(new TextEncoder().encode(text)), screen });
  } finally {
    clearTimeout(timer);
    try {
      child.kill("SIGKILL");
    } catch {
      // It has already ended.
    }
    await keys.abort().catch(() => {});
    await child.status;
    await screen.all();
  }
}
