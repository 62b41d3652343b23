/** The names that every client calls, and what comes of them. */

/** What came of a call. */
export interface Outcome {
  /** The name of the status code. */
  readonly code: string;
  readonly number: number;
  /** How much a log record of it matters. */
  readonly level: "info" | "warn";
  /** The greeting, or why there is none. */
  readonly text: string;
  /** The same as a line of a batch shows it. */
  readonly line: string;
  /** What the status details say, where there are any. */
  readonly blame?: {
    /** The field of the request. */
    readonly field: string;
    /** The `google.rpc.BadRequest` in base64, as the other implementations encode it. */
    readonly encoded: string;
  };
}

/** A name, and what comes of it where nothing goes wrong on purpose. */
export interface Name {
  readonly name: string;
  /** The same as a line of the log or an error shows it. */
  readonly shown: string;
  readonly outcome: Outcome;
}

/** A call that was made. */
export interface Call {
  readonly name: Name;
  readonly outcome: Outcome;
}

const greeted = (name: string, shown = name): Name => ({
  name,
  shown,
  outcome: {
    code: "OK",
    number: 0,
    level: "info",
    text: `Привет, ${name}!`,
    line: `Привет, ${shown}!`,
  },
});

const refused = (name: string, text: string, encoded: string): Name => ({
  name,
  shown: name,
  outcome: {
    code: "INVALID_ARGUMENT",
    number: 3,
    level: "info",
    text,
    line: text,
    blame: { field: "username", encoded },
  },
});

/** What every client calls, in this order. */
export const names: readonly Name[] = [
  greeted("Alice"),
  refused("", "username is empty", "Ch0KCHVzZXJuYW1lEhF1c2VybmFtZSBpcyBlbXB0eQ=="),
  greeted("Иван 👩‍👩‍👧 שלום"),
  greeted("a\x1b[2Jb\tc", "a\\x1b[2Jb\\tc"),
];

/** Everything that may come of calls of these names, each in its own way. */
export function possibleCalls(
  names: readonly Name[],
  outcomes: (usual: Outcome) => readonly Outcome[],
): Call[][] {
  return names.reduce<Call[][]>(
    (lists, name) =>
      lists.flatMap((list) =>
        outcomes(name.outcome).map((outcome) => [...list, { name, outcome }])
      ),
    [[]],
  );
}
