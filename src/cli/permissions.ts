/**
 * Gives up the permission to run programs, for good. What does not need it cannot be made to use
 * it.
 */
export function giveUpRunning(): void {
  Deno.permissions.revokeSync({ name: "run" });
}
