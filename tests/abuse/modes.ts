/** A way in which the server runs, with the flags of `serve` for it. */
export interface Mode {
  readonly name: string;
  readonly args: readonly string[];
  /** How many processes take connections, in turn. */
  readonly processes: number;
}

/** Every attack is run against the server in each of these. */
export const modes: readonly Mode[] = [
  { name: "one process", args: [], processes: 1 },
  { name: "two workers", args: ["--workers", "2"], processes: 2 },
];
