/** The exit codes of every command. */
export const ExitCode = {
  /** The command did what it was asked to do. */
  OK: 0,
  /** The command could not do it: a port in use, a full disk. */
  FAILURE: 1,
  /** The command line is wrong; nothing was started. */
  USAGE: 2,
} as const;
