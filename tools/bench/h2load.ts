/** h2load: a load generator that needs little CPU time itself. */
import { debianLibraries, debianPeer, installOnce } from "../peers/install.ts";
import { isOnPath } from "./on_path.ts";
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
