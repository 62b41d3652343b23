/** h2load, a load generator that needs little CPU time itself, and what it prints and logs. */
import { debianLibraries, debianPeer, installOnce, isOnPath } from "../peers/install.ts";
import { runTimed } from "./program.ts";

const fromDebian = installOnce(debianPeer(
  "h2load",
  ["nghttp2-client"],
  "usr/bin/h2load",
  "h2load makes the load; install it (the package nghttp2-client or nghttp2)",
));

/**
 * Finds h2load, or installs it.
 *
 * @returns the command that runs it
 * @throws {Error} if it can be neither found nor installed; the message says what to do
 */
export async function h2load(): Promise<[string, ...string[]]> {
  if (await isOnPath("h2load")) return ["h2load"];
  const program = await fromDebian();
  return ["env", `LD_LIBRARY_PATH=${debianLibraries("h2load")}`, program];
}

/** What a command that runs h2load says of its version: `h2load 1.52.0`. */
export async function h2loadVersion(
  [path, ...args]: readonly [string, ...string[]],
): Promise<string> {
  const { stdout } = await runTimed({ path, args: [...args, "--version"] });
  return stdout.trim().replace("nghttp2/", "");
}

/** What h2load reports of the calls, which are plain HTTP requests to it. */
export interface Report {
  /** How many were answered with HTTP status 2xx. */
  readonly succeeded: number;
  readonly callsPerSecond: number;
  /** The bytes of all answers, without their headers. */
  readonly dataBytes: number;
}

/**
 * Reads the summary that h2load prints at its end.
 *
 * @throws {Error} if a figure is not in it
 */
export function parseReport(text: string): Report {
  const figure = (pattern: RegExp): number => {
    const found = pattern.exec(text)?.[1];
    if (found === undefined) throw new Error(`h2load: no ${pattern} in:\n${text}`);
    return Number(found);
  };
  return {
    succeeded: figure(/^requests: .* (\d+) succeeded,/m),
    callsPerSecond: figure(/^finished in .*, ([\d.]+) req\/s/m),
    dataBytes: figure(/^traffic: .* \((\d+)\) data$/m),
  };
}

/**
 * Reads the latencies from the lines of h2load's `--log-file`: the start, the HTTP status and the
 * microseconds until the end of the answer.
 *
 * @returns milliseconds
 * @throws {Error} at the first call that failed
 */
export function parseLatencies(log: string): number[] {
  return log.trimEnd().split("\n").map((line) => {
    const [, status, micros] = line.split("\t").map(Number);
    if (status !== 200 || !Number.isFinite(micros)) {
      throw new Error(`h2load: a call failed: ${JSON.stringify(line)}`);
    }
    return micros! / 1_000;
  });
}
