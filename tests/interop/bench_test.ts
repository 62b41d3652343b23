/** Runs the benchmark, small: it has to measure everything that it promises, or say what it skipped. */
import assert from "node:assert/strict";
import { deno } from "../../tools/programs.ts";
import { linuxTest } from "../support/program.ts";

/** What is measured, each a row of a table. */
const MEASURED = [
  "Python (grpcio)",
  "Python (the tutorial's client)",
  "deno run of an empty file",
  "grpc-go",
  "grpc-js on Node",
  "grpcurl",
  "usersvc",
  "usersvc --version",
  "usersvc call -, 1,000 names",
  "usersvc call Alice",
  "usersvc, two workers",
];

linuxTest("deno task bench --quick has every figure, or says what it skipped", async () => {
  const { code, stdout, stderr } = await deno(["task", "bench", "--quick"]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /cores[^]*usersvc[^]*h2load[^]*\n\nRounds: 1, /);
  const rows = [...stdout.matchAll(/^\| (\w.*?) +\|((?: +[\d.,]+ \/ [\d.,]+ \|)+)$/gm)];
  const skipped = [...stdout.matchAll(/^Skipped: (.*?): ./gm)].map(([, name]) => name!);
  assert.deepEqual([...rows.map(([, name]) => name!), ...skipped].toSorted(), MEASURED);
  assert.deepEqual(skipped.filter((name) => name.startsWith("usersvc")), []);
  for (const [row, , figures] of rows) {
    const [first, ...others] = figures!.match(/[\d.,]+ \//g)!;
    assert.ok(others.length === 0 || others.length === 4, row);
    assert.notEqual(first, "0 /", row);
  }
});

linuxTest("deno task bench refuses what it does not know", async () => {
  for (const args of [["--fast"], ["--beside"], ["--beside", "file"], ["usersvc"]]) {
    const { code, stdout, stderr } = await deno(["run", "-A", "tools/bench.ts", ...args]);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
    assert.match(stderr, /^bench: .*; usage: deno task bench /m);
  }
});
