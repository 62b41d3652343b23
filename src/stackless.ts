/**
 * Runs a function whose errors get no stack trace, where they happen often or must cost nothing.
 */
export function stackless<T>(run: () => T): T {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return run();
  } finally {
    Error.stackTraceLimit = limit;
  }
}
