/** Callers on grpc-go, which counts calls where ghz counts tries. */
import { goProgram } from "../support/go.ts";

/** What became of the calls. */
export interface Report {
  readonly calls: number;
  /** How many calls failed, by their error. */
  readonly errors: Readonly<Record<string, number>>;
}

/** Callers that call until they are stopped. */
export interface Callers {
  /** Waits for the calls in flight. */
  stop(): Promise<Report>;
}

/**
 * Starts 20 callers.
 *
 * ghz would report failures that no caller saw: grpc-go has its `stats.Handler`, which is what ghz
 * counts with, told of each try, also of one that found a connection closing and was made anew.
 *
 * @param connections how many they share
 * @see https://github.com/grpc/grpc-go/blob/v1.85.0/stream.go#L910
 * @see https://github.com/bojand/ghz/blob/v0.93.0/runner/stats_handler.go#L38
 */
export async function startCallers(target: string, connections: number): Promise<Callers> {
  const child = new Deno.Command(await goProgram("callers"), {
    args: ["-callers", "20", "-connections", `${connections}`, target],
    stdout: "piped",
  }).spawn();
  return {
    async stop() {
      child.kill("SIGINT");
      const { stdout } = await child.output();
      return JSON.parse(new TextDecoder().decode(stdout));
    },
  };
}
