/** A way in which the server runs, with the flags of `serve` for it. */
export interface Mode {
  readonly name: string;
  readonly args: readonly string[];
}

/** Every attack is run against the server in each of these. */
export const modes: readonly Mode[] = [
  { name: "one process", args: [] },
  { name: "two workers", args: ["--workers", "2"] },
];
