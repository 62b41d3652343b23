/** The command line is wrong. The message is the one line to show; the exit code is 2. */
export class UsageError extends Error {
  override name = "UsageError";
}
