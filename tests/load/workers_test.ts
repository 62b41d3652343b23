/** Replaces workers under load. Loopback only, bounded in count and time. */
import assert from "node:assert/strict";
import { residentMb } from "../../tools/processes.ts";
import { oneCall, oneCallEach } from "../support/one_call.ts";
import { linuxServeTest, posixServeTest, type Serve } from "../support/program.ts";
import { started, TWO } from "../support/workers.ts";
import { startCallers } from "./grpc_go.ts";

const RECYCLES = 10;
const DRAINED = /worker \d+ \(process \d+\) has drained\n/g;

const count = ({ stderr }: Serve, pattern: RegExp) => [...stderr.text.matchAll(pattern)].length;

/** Waits until so many workers have drained. */
async function drained(server: Serve, workers: number): Promise<void> {
  await server.stderr.until(new RegExp(`(?:[^]*?${DRAINED.source}){${workers}}`));
}

/** Replaces the oldest worker, and again, each time when the last one is gone. */
async function recycle(server: Serve): Promise<void> {
  for (let round = 0; round < RECYCLES; round++) {
    const pids = await started(server, round + 2);
    Deno.kill(pids[round]!, "SIGTERM");
    await drained(server, round + 1);
  }
}

for (const connections of [1, 20]) {
  posixServeTest(
    `ten recycles under 20 callers on ${connections} connections of grpc-go fail no call`,
    async (server) => {
      await started(server, 2);
      const load = await startCallers(`127.0.0.1:${server.port}`, connections);
      await server.stdout.until(/GetUser/);
      await recycle(server);
      const { calls, errors } = await load.stop();
      console.log(`${calls} calls`);
      assert.deepEqual(errors, {});
      assert.ok(calls > 1_000, `${calls} calls`);
    },
    TWO,
  );
}

posixServeTest(
  "of 200 connections a second, one call each, ten recycles lose none and leave none hanging",
  async (server) => {
    await started(server, 2);
    const load = oneCallEach(server.port, 200);
    await server.stdout.until(/GetUser/);
    await recycle(server);
    const { answered, ...others } = await load.stop();
    console.log(`${answered} answered`);
    assert.deepEqual(others, { refused: 0, lost: 0, hanging: 0 });
    assert.ok(answered > 100, `${answered} answered`);
  },
  TWO,
);

linuxServeTest(
  "20,000 connections with one call each leave the memory within the limit",
  async (server) => {
    const limit = 150;
    await started(server, 2);
    const before = await residentMb(server.pid);
    let sent = 0;
    const caller = async () => {
      while (sent++ < 20_000) assert.equal(await oneCall(server.port), "answered");
    };
    await Promise.all(Array.from({ length: 20 }, caller));
    // The last of those that passed the limit may still drain.
    await drained(server, count(server, /\(process \d+\) is replaced/g));
    const after = await residentMb(server.pid);
    const recycles = count(server, DRAINED);
    console.log(
      `${Math.round(before)} MB before, ${Math.round(after)} after, ${recycles} recycles`,
    );
    assert.ok(recycles > 0, "the limit was passed");
    // Memory is looked at once a second: a worker may be that much over its limit.
    assert.ok(after < before + 2 * limit, `${after} MB`);
  },
  [...TWO, "--worker-memory", "150MB"],
);
