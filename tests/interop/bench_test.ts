/** Runs the benchmark, small: it has to measure everything that it promises, or say what it skipped. */
import assert from "node:assert/strict";
import { root } from "../../tools/paths.ts";
import type { Result } from "../../tools/bench/result.ts";
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

/** Every number of a result by its path. */
function numbersOf(value: unknown, path = ""): [string, number][] {
  if (typeof value === "number") return [[path, value]];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => numbersOf(inner, `${path}.${key}`));
}

const names = (list: readonly { name: string }[]) => list.map(({ name }) => name);

linuxTest("deno task bench --quick --json has every figure, or says what it skipped", async () => {
  const { code, stdout, stderr } = await deno("task", "bench", "--quick", "--json");
  assert.equal(code, 0, stderr);
  const { servers, loads, startUp, manyCalls, skipped, ...others }: Result = JSON.parse(stdout);

  const measured = names([...servers, ...startUp, ...manyCalls, ...skipped]);
  const cores = navigator.hardwareConcurrency;
  assert.deepEqual(measured.toSorted(), [
    "Go server (grpc-go)",
    "Node server (grpc-js)",
    "Python client (grpcio)",
    "Python client (grpcio), one call after another",
    "Python server (grpcio)",
    "deno run of an empty file",
    "grpcurl",
    "usersvc --version",
    "usersvc call",
    "usersvc call -",
    "usersvc serve, until its first call is answered",
    `usersvc, one process`,
    `usersvc, one worker per core (${cores})`,
  ]);
  for (const { name, why } of skipped) {
    assert.match(why, /./, name);
    assert.ok(!name.startsWith("usersvc"), why);
  }

  const figures = ["cpuMicrosPerCall", "callsPerSecond", "p50Ms", "p99Ms"] as const;
  for (const one of servers) {
    for (const figure of [...figures, "memoryMb"] as const) assert.ok(one[figure].median > 0);
  }
  assert.equal(loads.length, 7);
  for (const one of loads) for (const figure of figures) assert.ok(one[figure].median > 0);
  for (const one of [...startUp, ...manyCalls]) assert.ok(one.ms.median > 0);
  for (const [path, number] of numbersOf(others)) assert.ok(number > 0, path);
});

linuxTest("deno task bench refuses what it does not know", async () => {
  for (const args of [["--fast"], ["--rounds", "0"], ["--rounds"], ["usersvc"]]) {
    const { code, stdout, stderr } = await deno("run", "-A", "tools/bench.ts", ...args);
    assert.deepEqual({ code, stdout }, { code: 2, stdout: "" });
    assert.match(stderr, /^bench: .*; usage: deno task bench /m);
  }
});
