/** grpc-go meets the odd servers of tests/odd/: the tables say where it ends in another way, and why. */
import assert from "node:assert/strict";
import { answers } from "../odd/answers.ts";
import { breaks } from "../odd/breaks.ts";
import { greetings } from "../odd/greetings.ts";
import { callFromGo, goDifferences } from "../odd/grpc_go.ts";
import { withOddServer } from "../odd/table.ts";
import { programTest } from "../support/program.ts";

programTest(
  "grpc-go ends a call with an odd answer as the table says",
  () =>
    withOddServer(answers, async ({ port }) => {
      const outcomes = await callFromGo(port, Object.keys(answers), 64);
      assert.deepEqual(goDifferences(answers, outcomes), []);
    }),
);

programTest(
  "grpc-go ends a call whose connection breaks as the table says",
  () =>
    withOddServer(breaks, async ({ port }) => {
      // A call between two finds out that the connection is gone.
      const names = Object.keys(breaks).flatMap((name) => [name, "between"]);
      const outcomes = await callFromGo(port, names, 1);
      assert.deepEqual(goDifferences(breaks, outcomes), []);
    }),
);

programTest(
  "grpc-go ends a call over a connection with an odd start as the table says",
  async () => {
    for (const [name, row] of Object.entries(greetings)) {
      await withOddServer({}, async ({ port }) => {
        const outcome = (await callFromGo(port, ["A"], 1)).get("A")!;
        assert.deepEqual(goDifferences({ [name]: row }, new Map([[name, outcome]])), []);
      }, row.greeting);
    }
  },
);
