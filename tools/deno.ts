import { root } from "./paths.ts";

/** Runs Deno in the checkout; returns what it printed on stderr if it failed, else undefined. */
export async function deno(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string | undefined> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    cwd: root,
    args: [...args],
    stdout: "null",
    stderr: "piped",
    env: { NO_COLOR: "1", RUST_BACKTRACE: "0", ...env },
  }).output();
  return success ? undefined : new TextDecoder().decode(stderr).trimEnd();
}
