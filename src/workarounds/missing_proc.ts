/**
 * Looks for `/proc`. Without it Deno 2.9.2 panics as soon as node:process is loaded, which all that opens
 * connections needs (`ext/os/lib.rs`: "no /proc/self/exe available"). Deno lets only programs that may
 * do everything look into it, but its own figure for memory comes from there, and is 0 without.
 *
 * @returns what is missing, one line; undefined if it is there, or is not needed on this system
 */
export function procMissing(): string | undefined {
  if (Deno.build.os !== "linux" || Deno.memoryUsage().rss > 0) return undefined;
  return "there is no /proc here, and Deno cannot run without it; mount it: mount -t proc proc /proc";
}
