/** The code of a system's error, such as `EADDRINUSE`; the text `undefined` if it has none. */
export function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code);
}

/** The message of what was thrown, whatever it is. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
