/** grpc-go meets the cases of the gauntlet: its table says where it ends in another way, and why. */
import assert from "node:assert/strict";
import { answerCases } from "../../src/gauntlet/answer_cases.ts";
import { breakCases } from "../../src/gauntlet/break_cases.ts";
import { startCases } from "../../src/gauntlet/start_cases.ts";
import { callFromGo, goDifferences } from "../odd/grpc_go.ts";
import { withOddServer } from "../odd/table.ts";
import { programTest } from "../support/program.ts";

programTest(
  "grpc-go ends a call with an odd answer as the table says",
  () =>
    withOddServer(answerCases, async ({ port }) => {
      const outcomes = await callFromGo(port, answerCases.map(({ name }) => name), 64);
      assert.deepEqual(goDifferences(answerCases, outcomes), []);
    }),
);

programTest(
  "grpc-go ends a call whose connection breaks as the table says",
  () =>
    withOddServer(breakCases, async ({ port }) => {
      // A call between two finds out that the connection is gone.
      const names = breakCases.flatMap(({ name }) => [name, "between"]);
      const outcomes = await callFromGo(port, names, 1);
      assert.deepEqual(goDifferences(breakCases, outcomes), []);
    }),
);

programTest(
  "grpc-go ends a call over a connection with an odd start as the table says",
  async () => {
    for (const one of startCases) {
      await withOddServer([one], async ({ port }) => {
        assert.deepEqual(goDifferences([one], await callFromGo(port, [one.name], 1)), []);
      }, one.greeting);
    }
  },
);
