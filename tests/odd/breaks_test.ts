/** Calls whose connection breaks, or is about to. */
import assert from "node:assert/strict";
import { breakCases } from "../../src/gauntlet/break_cases.ts";
import { address, batch, differences, run } from "./run.ts";
import { oddTest } from "./table.ts";

/** A call between two of the table, which finds out that the connection is gone. */
const BETWEEN = "between";

const ONE = ["--concurrency", "1"];
const inTurn = (names: readonly string[]) => names.flatMap((name) => [name, BETWEEN]);

oddTest(
  "with --retries 2 a call whose connection breaks each time is UNAVAILABLE",
  breakCases,
  async ({ port }) => {
    // Each takes its two delays.
    const some = breakCases.filter((_, at) => at % 10 === 0);
    const names = some.map(({ name }) => name);
    const what = "breaking connections with --retries 2";
    const outcomes = await batch(what, port, inTurn(names), [...ONE, "--retries", "2"]);
    assert.deepEqual(differences(some, outcomes), []);
  },
);

oddTest(
  "of many calls on a connection that breaks, each is UNAVAILABLE, or answered by another",
  breakCases,
  async ({ port }) => {
    for (const name of ["goaway-error-11", "closed-at-byte-20", "frame-of-16-mb"]) {
      const { stdout, stderr } = await run(
        `64 calls, one of them "${name}"`,
        ["call", "-", "--json", ...address(port)],
        `${BETWEEN}\n`.repeat(31) + `${name}\n` + `${BETWEEN}\n`.repeat(32),
      );
      assert.equal(stderr, "");
      const codes = stdout.trimEnd().split("\n").map((line) => JSON.parse(line).error?.code);
      assert.equal(codes.length, 64);
      assert.equal(codes[31], "UNAVAILABLE");
      assert.deepEqual(codes.filter((code) => code !== undefined && code !== "UNAVAILABLE"), []);
    }
  },
);
