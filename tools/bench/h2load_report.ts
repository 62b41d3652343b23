/** Reads what h2load prints and logs. */

/** What h2load reports of the calls, which are plain HTTP requests to it. */
export interface Report {
  /** How many were answered with HTTP status 2xx. */
  readonly succeeded: number;
  readonly callsPerSecond: number;
  /** The bytes of all answers, without their headers. */
  readonly dataBytes: number;
}

/**
 * Reads the summary that h2load prints at its end.
 *
 * @throws {Error} if a figure is not in it
 */
export function parseReport(text: string): Report {
  const figure = (pattern: RegExp): number => {
    const found = pattern.exec(text)?.[1];
    if (found === undefined) throw new Error(`h2load: no ${pattern} in:\n${text}`);
    return Number(found);
  };
  return {
    succeeded: figure(/^requests: .* (\d+) succeeded,/m),
    callsPerSecond: figure(/^finished in .*, ([\d.]+) req\/s/m),
    dataBytes: figure(/^traffic: .* \((\d+)\) data$/m),
  };
}

/**
 * Reads the latencies from the lines of h2load's `--log-file`: the start, the HTTP status and the
 * microseconds until the end of the answer.
 *
 * @returns milliseconds
 * @throws {Error} at the first call that failed
 */
export function parseLatencies(log: string): number[] {
  return log.trimEnd().split("\n").map((line) => {
    const [, status, micros] = line.split("\t").map(Number);
    if (status !== 200 || !Number.isFinite(micros)) {
      throw new Error(`h2load: a call failed: ${JSON.stringify(line)}`);
    }
    return micros! / 1_000;
  });
}
