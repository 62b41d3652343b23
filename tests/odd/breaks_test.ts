/** Calls whose connection breaks, or is about to. */
import assert from "node:assert/strict";
import { answer } from "../support/frames.ts";
import { linuxTest } from "../support/program.ts";
import { breaks } from "./breaks.ts";
import { address, batch, differences, run } from "./run.ts";
import { type Answer, withOddServer } from "../support/http2_server.ts";

/** A call between two of the table, which finds out that the connection is gone. */
const BETWEEN = "between";

async function withBreaks(use: (port: number) => Promise<void>): Promise<void> {
  const table = Object.entries(breaks).map((
    [name, { answer }],
  ): [string, Answer] => [name, answer]);
  table.push([BETWEEN, ({ stream, send }) => send(answer(stream))]);
  await withOddServer(Object.fromEntries(table), use);
}

const inTurn = (names: readonly string[]) => names.flatMap((name) => [name, BETWEEN]);

linuxTest(
  "each way in which a connection breaks ends its call as gRPC says",
  () =>
    withBreaks(async (port) => {
      const names = Object.keys(breaks);
      const outcomes = await batch("breaking connections", port, inTurn(names), {
        args: ["--concurrency", "1"],
      });
      assert.deepEqual(differences(breaks, outcomes), []);
    }),
);

linuxTest(
  "with --retries 2 a call whose connection breaks each time is UNAVAILABLE",
  () =>
    withBreaks(async (port) => {
      // Each takes its two delays.
      const some = Object.entries(breaks).filter((_, at) => at % 10 === 0);
      const names = some.map(([name]) => name);
      const outcomes = await batch("breaking connections with --retries 2", port, inTurn(names), {
        args: ["--concurrency", "1", "--retries", "2"],
      });
      assert.deepEqual(differences(Object.fromEntries(some), outcomes), []);
    }),
);

linuxTest(
  "of many calls on a connection that breaks, each is UNAVAILABLE, or answered by another",
  () =>
    withBreaks(async (port) => {
      for (const name of ["GOAWAY with the error 11", "closed at byte 20", "a frame of 16 MB"]) {
        const { stdout, stderr } = await run(
          `64 calls, one of them "${name}"`,
          ["call", "-", "--json", ...address(port)],
          { input: `${BETWEEN}\n`.repeat(31) + `${name}\n` + `${BETWEEN}\n`.repeat(32) },
        );
        assert.equal(stderr, "");
        const codes = stdout.trimEnd().split("\n").map((line) => JSON.parse(line).error?.code);
        assert.equal(codes.length, 64);
        assert.equal(codes[31], "UNAVAILABLE");
        assert.deepEqual(codes.filter((code) => code !== undefined && code !== "UNAVAILABLE"), []);
      }
    }),
);
