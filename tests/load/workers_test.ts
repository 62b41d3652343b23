/** Replaces workers under load. Loopback only, bounded in count and time. */
import assert from "node:assert/strict";
import { oneCall, oneCallEach } from "../support/one_call.ts";
import { posixTest, type Serve, withServe } from "../support/program.ts";
import { startCallers } from "./grpc_go.ts";

const RECYCLES = 10;
const STARTED = /worker \d+ \(process (\d+)\) has started\n/g;
const DRAINED = /worker \d+ \(process (\d+)\) has drained\n/g;

function matches(server: Serve, pattern: RegExp): number[] {
  return [...server.stderr.text.matchAll(pattern)].map((match) => Number(match[1]));
}

/** Waits until a line of stderr has come so many times; returns the process ids in them. */
async function times(server: Serve, pattern: RegExp, count: number): Promise<number[]> {
  await server.stderr.until(new RegExp(`(?:[^]*?${pattern.source}){${count}}`));
  return matches(server, pattern);
}

/** Replaces the oldest worker, and again, each time when the last one is gone. */
async function recycle(server: Serve): Promise<void> {
  for (let round = 0; round < RECYCLES; round++) {
    const pids = await times(server, STARTED, round + 2);
    Deno.kill(pids[round]!, "SIGTERM");
    await times(server, DRAINED, round + 1);
  }
}

for (const connections of [1, 20]) {
  posixTest(
    `ten recycles under 20 callers on ${connections} connections of grpc-go fail no call`,
    () =>
      withServe(async (server) => {
        await times(server, STARTED, 2);
        const load = await startCallers(`127.0.0.1:${server.port}`, connections);
        await server.stdout.until(/GetUser/);
        await recycle(server);
        const { calls, errors } = await load.stop();
        console.log(`${calls} calls`);
        assert.deepEqual(errors, {});
        assert.ok(calls > 1_000, `${calls} calls`);
      }, ["--workers", "2"]),
  );
}

posixTest(
  "of 200 connections a second, one call each, ten recycles lose none and leave none hanging",
  () =>
    withServe(async (server) => {
      await times(server, STARTED, 2);
      const load = oneCallEach(server.port, 200);
      await server.stdout.until(/GetUser/);
      await recycle(server);
      const { answered, ...others } = await load.stop();
      console.log(`${answered} answered`);
      assert.deepEqual(others, { refused: 0, lost: 0, hanging: 0 });
      assert.ok(answered > 100, `${answered} answered`);
    }, ["--workers", "2"]),
);

/** The memory of a process and of those that it has started, in megabytes. */
async function memoryOf(pid: number): Promise<number> {
  const { stdout } = await new Deno.Command("ps", { args: ["-A", "-o", "pid=,ppid=,rss="] })
    .output();
  return new TextDecoder().decode(stdout).trim().split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .filter((process) => process[0] === pid || process[1] === pid)
    .reduce((sum, process) => sum + process[2]! / 1_000, 0);
}

posixTest(
  "20,000 connections with one call each leave the memory within the limit",
  () =>
    withServe(async (server) => {
      const limit = 150;
      await times(server, STARTED, 2);
      const before = await memoryOf(server.pid);
      let sent = 0;
      const caller = async () => {
        while (sent++ < 20_000) assert.equal(await oneCall(server.port), "answered");
      };
      await Promise.all(Array.from({ length: 20 }, caller));
      // The last of those that passed the limit may still drain.
      await times(server, DRAINED, matches(server, /\(process (\d+)\) is replaced/g).length);
      const after = await memoryOf(server.pid);
      const recycles = matches(server, DRAINED).length;
      console.log(
        `${Math.round(before)} MB before, ${Math.round(after)} after, ${recycles} recycles`,
      );
      assert.ok(recycles > 0, "the limit was passed");
      // Memory is looked at once a second: a worker may be that much over its limit.
      assert.ok(after < before + 2 * limit, `${after} MB`);
    }, ["--workers", "2", "--worker-memory", "150MB"]),
);
