/**
 * What was asked for cannot be done, for a reason outside the program: a file that cannot be used, a port
 * that is taken. The message is one line for people that says so, and a command that fails shows it alone.
 */
export class ExpectedError extends Error {
  override name = "ExpectedError";
}

/** The code of a system's error, such as `EADDRINUSE`; the text `undefined` if it has none. */
export function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code);
}

/** Says why a file cannot be read, or written, after its name; not escaped where the reason is the system's. */
export function fileFault(error: unknown, use: "read" | "write" = "read"): string {
  const { NotFound, IsADirectory, NotADirectory, PermissionDenied, NotCapable } = Deno.errors;
  if (error instanceof NotFound) return "there is no such file";
  if (error instanceof IsADirectory) return "it is a directory";
  if (error instanceof NotADirectory) return "a part of its path is no directory";
  // Deno itself keeps programs from some files, such as those in /proc.
  if (error instanceof PermissionDenied || error instanceof NotCapable) {
    return `not allowed to ${use} it`;
  }
  return messageOf(error);
}

/** The exit codes of a shell for a program that it cannot start. */
const NOT_FOUND = 127;
const NOT_STARTED = 126;

/** The exit code of a shell for a program that cannot be started, and why it cannot in words. */
export function programFault(program: string, error: unknown): [exitCode: number, message: string] {
  const failed = `cannot run "${program}"`;
  switch (codeOf(error)) {
    // The system says the same of both.
    case "ENOENT":
      return [NOT_FOUND, `${failed}: it, or the interpreter in its first line, does not exist`];
    case "ENOTDIR":
      return [NOT_FOUND, `${failed}: a part of its path is no directory`];
    case "EACCES":
      return [NOT_STARTED, `${failed}: it is no program that this user may run`];
    default:
      return [NOT_STARTED, `${failed}: ${messageOf(error)}`];
  }
}

/**
 * Runs a function whose errors get no stack trace. One takes time, which counts where an error is made
 * for each call and never shown, and on Deno a file descriptor (src/workarounds/descriptors_run_out.ts).
 */
export function withoutStackTrace<T>(run: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return run();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

/** The stack trace of what was thrown, for a log; its message where it has none. */
export function stackOf(error: unknown): string {
  return error instanceof Error && error.stack !== undefined ? error.stack : messageOf(error);
}

/** The message of what was thrown, whatever it is. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
