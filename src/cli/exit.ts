/** How a program ends: its exit codes, and the signals that ask it to. */

/** The exit codes of every command. */
export const ExitCode = {
  /** The command did what it was asked to do. */
  OK: 0,
  /** The command could not do it: a port in use, a full disk. */
  FAILURE: 1,
  /** The command line is wrong; nothing was started. */
  USAGE: 2,
} as const;

/** The signals that ask a program to stop; Windows knows no SIGTERM. */
const STOP_SIGNALS: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : ["SIGINT", "SIGTERM"];

const NUMBER: Partial<Record<Deno.Signal, number>> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGTERM: 15,
  SIGBREAK: 21,
};

/** Signals that ask the program to stop, one after another. */
export interface StopSignals {
  /** Waits for the next signal that this has not returned yet. */
  next(): Promise<Deno.Signal>;
}

/**
 * A signal is ignored if the same one came less than this before, in milliseconds. `timeout` and a
 * closing terminal send a signal to the process and to its group, and the package for npm passes on
 * what the group has received as well: the process receives it twice.
 */
const SAME_SIGNAL_MS = 500;

/**
 * Takes over SIGINT and SIGTERM from now on: they no longer end the process by themselves.
 *
 * @param more further signals that ask the program to stop
 */
export function takeStopSignals(more: readonly Deno.Signal[] = []): StopSignals {
  const arrived: Deno.Signal[] = [];
  let wake = () => {};
  for (const signal of [...STOP_SIGNALS, ...more]) {
    let last = -Infinity;
    Deno.addSignalListener(signal, () => {
      if (performance.now() - last < SAME_SIGNAL_MS) return;
      last = performance.now();
      arrived.push(signal);
      wake();
    });
  }
  return {
    async next() {
      while (arrived.length === 0) {
        await new Promise<void>((resolve) => wake = resolve);
      }
      return arrived.shift()!;
    },
  };
}

/** The exit code that a shell reports for a process that a signal has ended: 128 + its number. */
export function exitCodeOfSignal(signal: Deno.Signal): number {
  return 128 + (NUMBER[signal] ?? 0);
}
