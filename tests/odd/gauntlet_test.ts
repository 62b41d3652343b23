/** Our own client goes through the gauntlet. */
import assert from "node:assert/strict";
import { wantedOf } from "../../src/gauntlet/case.ts";
import { allCases, chosenCases } from "../../src/gauntlet/cases.ts";
import { startCases } from "../../src/gauntlet/start_cases.ts";
import { linuxTest, shellCommand } from "../support/program.ts";
import { ourCode } from "./ours.ts";
import { run } from "./run.ts";

const FLAGS = ["--exit-codes", "grpc", "--timeout", "5s"];
const client = () => ["--", "bash", "-c", `exec ${shellCommand("call Alice")}`];

/** How long every case may take, in milliseconds: each waits for its deadline at most. */
const MAX_ALL_MS = 600_000;

linuxTest("our client passes the chosen cases, in less than a minute", async () => {
  const { code, stdout, stderr } = await run("the gauntlet", ["gauntlet", ...FLAGS, ...client()]);
  assert.equal(code, 0, stdout);
  const { length } = chosenCases;
  assert.equal(stderr, `usersvc gauntlet: ${length} of ${length} cases passed\n`);
});

linuxTest("our client passes every case, with the code that it promises", async () => {
  const args = ["gauntlet", "--all", "--json", ...FLAGS, ...client()];
  const { code, stdout } = await run("the whole gauntlet", args, "", MAX_ALL_MS);
  const results = new Map(
    stdout.trimEnd().split("\n").map((line) => JSON.parse(line)).map((one) => [one.name, one]),
  );
  const failed = [...results.values()].filter(({ verdict }) => verdict !== "passed");
  assert.deepEqual(failed, []);
  assert.equal(code, 0);
  // Which of the two comes first at the start of a connection is chance.
  const certain = allCases.filter((one) => wantedOf(one) !== "either" || !startCases.includes(one));
  const codes = certain.map((one) => `${one.name}: ${results.get(one.name)?.code}`);
  assert.deepEqual(codes, certain.map((one) => `${one.name}: ${ourCode(one)}`));
});
