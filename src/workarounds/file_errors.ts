/**
 * Deno's errors of files are long, and some are misleading.
 *
 * - What is wrong: messages differ by system, name the operation and a flag of Deno, and a file that
 *   Deno keeps from programs (in /proc) is called NotCapable.
 * - Versions: Deno 2.9.2.
 * - Upstream: none: this is intended.
 * - Measured: nothing.
 * - Fails: without it "a file that cannot be read is an error in one line" in tests/batch/batch_test.ts.
 * - It can go when the messages of Deno are fit for users.
 */

/** Says why a file cannot be read, after its name; not escaped where the reason is the system's. */
export function fileFault(error: unknown): string {
  const { NotFound, IsADirectory, NotADirectory, PermissionDenied, NotCapable } = Deno.errors;
  if (error instanceof NotFound) return "there is no such file";
  if (error instanceof IsADirectory) return "it is a directory";
  if (error instanceof NotADirectory) return "a part of its path is no directory";
  // Deno itself keeps programs from some files, such as those in /proc.
  if (error instanceof PermissionDenied || error instanceof NotCapable) {
    return "not allowed to read it";
  }
  return (error as Error).message;
}
