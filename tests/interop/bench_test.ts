/** Runs the benchmark, small: it has to measure everything that it promises, or say what it skipped. */
import assert from "node:assert/strict";
import { root } from "../../tools/paths.ts";
import { type Result, SHAPES } from "../../tools/bench/benchmark.ts";
import { linuxTest } from "../support/program.ts";

async function deno(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    cwd: root,
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

linuxTest("deno task bench --quick --json has every figure, or says what it skipped", async () => {
  const { code, stdout, stderr } = await deno("task", "bench", "--quick", "--json");
  assert.equal(code, 0, stderr);
  const { machine, sizes, servers, processes, skipped }: Result = JSON.parse(stdout);

  const measured = [...servers, ...processes, ...skipped].map(({ name }) => name);
  assert.deepEqual(measured.toSorted(), [
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
  ]);
  for (const { name, why } of skipped) {
    assert.match(why, /./, name);
    assert.ok(!name.startsWith("usersvc"), why);
  }

  for (const { name, cpuMicrosPerCall, memoryMb } of servers) {
    assert.equal(cpuMicrosPerCall.length, SHAPES.length);
    for (const { min } of [...cpuMicrosPerCall, memoryMb]) assert.ok(min > 0, name);
  }
  for (const { name, ms } of processes) assert.ok(ms.min > 0, name);
  assert.match(machine, /cores.*usersvc.*h2load/);
  assert.equal(sizes.rounds, 1);
});

linuxTest("deno task bench refuses what it does not know", async () => {
  for (
    const args of [["--fast"], ["--rounds", "0"], ["--rounds"], ["--beside", "file"], ["usersvc"]]
  ) {
    const { code, stdout, stderr } = await deno("run", "-A", "tools/bench.ts", ...args);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
    assert.match(stderr, /^bench: .*; usage: deno task bench /m);
  }
});
