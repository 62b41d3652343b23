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
