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

/** The message of what was thrown, whatever it is. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
