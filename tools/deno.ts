import { root } from "./paths.ts";

/** How a run of Deno ended. */
export interface Ended {
  readonly success: boolean;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs Deno in the checkout.
 *
 * @param env environment variables to add
 */
export async function deno(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    cwd: root,
    args: [...args],
    env: { NO_COLOR: "1", RUST_BACKTRACE: "0", ...env },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trimEnd();
  return { success, stdout: text(stdout), stderr: text(stderr) };
}
