/** Calls whose connection breaks, or is about to. */
import assert from "node:assert/strict";
import { breaks } from "./breaks.ts";
import { address, batch, differences, run } from "./run.ts";
import { oddTest } from "./table.ts";

/** A call between two of the table, which finds out that the connection is gone. */
const BETWEEN = "between";

const ONE = ["--concurrency", "1"];
const inTurn = (names: readonly string[]) => names.flatMap((name) => [name, BETWEEN]);

oddTest(
  "each way in which a connection breaks ends its call as gRPC says",
  breaks,
  async ({ port }) => {
    const names = Object.keys(breaks);
    const outcomes = await batch("breaking connections", port, inTurn(names), ONE);
    assert.deepEqual(differences(breaks, outcomes), []);
  },
);

oddTest(
  "with --retries 2 a call whose connection breaks each time is UNAVAILABLE",
  breaks,
  async ({ port }) => {
    // Each takes its two delays.
    const some = Object.entries(breaks).filter((_, at) => at % 10 === 0);
    const names = some.map(([name]) => name);
    const what = "breaking connections with --retries 2";
    const outcomes = await batch(what, port, inTurn(names), [...ONE, "--retries", "2"]);
    assert.deepEqual(differences(Object.fromEntries(some), outcomes), []);
  },
);

oddTest(
  "of many calls on a connection that breaks, each is UNAVAILABLE, or answered by another",
  breaks,
  async ({ port }) => {
    for (const name of ["GOAWAY with the error 11", "closed at byte 20", "a frame of 16 MB"]) {
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
