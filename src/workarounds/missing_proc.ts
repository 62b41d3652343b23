/**
 * Deno panics without /proc.
 *
 * - What is wrong: as soon as node:process is loaded, which all that opens connections needs, Deno
 *   panics: "no /proc/self/exe available".
 * - Versions: Deno 2.9.2 to 2.9.6 on Linux.
 * - Upstream: https://github.com/denoland/deno/blob/v2.9.2/ext/os/lib.rs
 * - Measured: `call`, `check` and `serve` with an empty /proc: a panic without this file, one line with
 *   it.
 * - Fails: without it "without /proc, which Deno needs to connect, it is one line" in
 *   tests/workarounds/machine_test.ts.
 * - It can go when Deno connects without /proc.
 */

/**
 * Looks for `/proc`. Deno lets only programs with all permissions read it; but Deno takes its own figure
 * for memory from there, and the figure is 0 without it.
 *
 * @returns what is missing, one line; undefined if it is there, or is not needed on this system
 */
export function procMissing(): string | undefined {
  if (Deno.build.os !== "linux" || Deno.memoryUsage().rss > 0) return undefined;
  return "there is no /proc here, and Deno cannot run without it; mount it: mount -t proc proc /proc";
}
