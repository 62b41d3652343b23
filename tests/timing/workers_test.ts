/** Workers that hang, die and are replaced, over seconds and under load. */
import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { oneCall, oneCallEach } from "../support/one_call.ts";
import {
  linuxServeTest,
  posixServeTest,
  posixTest,
  runProgram,
  withServe,
} from "../support/program.ts";
import { finishCall } from "../support/raw_client.ts";
import { callInFlight, gone, isAlive, started, TWO, workersOf } from "../support/workers.ts";

posixTest(
  "kill -9 of a worker under load costs only its calls in flight, and it is replaced at once",
  () => {
    const begun = performance.now();
    return withServe(async (server) => {
      const [victim, other] = await started(server, 2);
      const startUp = performance.now() - begun;
      const load = oneCallEach(server.port, 100);
      await server.stdout.until(/(?:.*GetUser.*\n){50}/);
      const start = performance.now();
      Deno.kill(victim!, "SIGKILL");
      const pids = await started(server, 3);
      const took = performance.now() - start;
      assert.ok(took < 4 * startUp, `${took} ms until two serve again, at first ${startUp} ms`);
      assert.ok(isAlive(other!) && isAlive(pids[2]!));
      const tally = await load.stop();
      assert.equal(tally.refused + tally.hanging, 0, JSON.stringify(tally));
      assert.ok(tally.lost <= 5 && tally.answered >= 50, JSON.stringify(tally));
    }, TWO);
  },
);

posixServeTest(
  "a worker that is asked to end is replaced first, and no call is lost",
  async (server) => {
    const [worker] = await started(server, 2);
    const load = oneCallEach(server.port, 100);
    const held = await Promise.all([callInFlight(server), callInFlight(server)]);
    Deno.kill(worker!, "SIGTERM");
    await started(server, 3);
    for (const { stream } of held) assert.equal((await finishCall(stream, "A")).status, "0");
    await gone(worker!);
    const { answered, ...others } = await load.stop();
    assert.deepEqual(others, { refused: 0, lost: 0, hanging: 0 });
    assert.ok(answered > 0);
    assert.match(server.stderr.text, /is replaced: it was asked to end\n/);
  },
  TWO,
);

posixServeTest(
  "a worker that is killed again and again is replaced more and more slowly",
  async (server) => {
    for (let round = 1; round <= 4; round++) {
      const pids = await started(server, round);
      assert.equal(pids.length, round);
      Deno.kill(pids[round - 1]!, "SIGKILL");
    }
    await server.stderr.until(/another starts in 1 s\n/);
    const waits = [...server.stderr.text.matchAll(/another starts (.*)\n/g)].map(([, at]) => at);
    assert.deepEqual(waits, ["at once", "in 0.25 s", "in 0.5 s", "in 1 s"]);
    assert.equal(await oneCall(server.port), "answered");
  },
  ["--workers", "1"],
);

posixServeTest(
  "a worker that hangs is killed and replaced after 5 s, its calls fail, others are answered",
  async (server) => {
    const pids = await started(server, 2);
    const held = await Promise.all([callInFlight(server), callInFlight(server)]);
    const start = performance.now();
    Deno.kill(pids[0]!, "SIGSTOP");
    // In turn: one goes to the worker that hangs, and to the other one when it is killed.
    const calls = Array.from({ length: 4 }, () => oneCall(server.port, 60_000));
    const ends = held.map(({ stream }) =>
      new Promise<string>((resolve) => {
        stream.once("error", () => resolve("lost"));
        stream.once("close", () => resolve("lost"));
      })
    );
    const [, , pid] = await server.stderr.until(
      /worker (1) \(process (\d+)\) has not answered for 5 s, it is killed\n/,
    );
    const silentMs = performance.now() - start;
    assert.ok(silentMs > 4_000 && silentMs < 50_000, `${silentMs} ms`);
    assert.equal(Number(pid), pids[0]);
    await server.stderr.until(/has ended: SIGKILL; another starts .*\n/);
    assert.deepEqual(await Promise.all(calls), Array(4).fill("answered"));
    await started(server, 3);
    assert.equal(await Promise.race(ends), "lost");
    assert.ok(isAlive(pids[1]!));
    assert.equal(await oneCall(server.port), "answered");
  },
  [...TWO, "--grace", "1s"],
);

linuxServeTest(
  "a worker that lives but hears nothing any more is replaced, and its connection goes to another",
  async (server) => {
    const [worker] = await started(server, 1);
    // A socket that it has no file descriptor for is lost, and Deno sends nothing after it.
    const { code } = await runProgram("prlimit", ["--pid", `${worker}`, "--nofile=3"]);
    assert.equal(code, 0);
    assert.equal(await oneCall(server.port, 60_000), "answered");
    assert.match(server.stderr.text, new RegExp(`process ${worker}\\) has not answered for 5 s`));
  },
  ["--workers", "1"],
);

posixServeTest(
  "where all workers hang, they are replaced one after another, and calls wait meanwhile",
  async (server) => {
    const pids = await started(server, 2);
    for (const pid of pids) Deno.kill(pid, "SIGSTOP");
    const calls = Array.from({ length: 4 }, () => oneCall(server.port, 60_000));
    await started(server, 4);
    assert.deepEqual(await Promise.all(calls), Array(4).fill("answered"));
    const happened = [...server.stderr.text.matchAll(/has (not answered|started)/g)];
    assert.deepEqual(happened.map(([, what]) => what), [
      ...["started", "started"],
      ...["not answered", "started"],
      ...["not answered", "started"],
    ]);
  },
  TWO,
);

posixServeTest(
  "the sleep of a supervisor or of all its processes is not taken for silence of the workers",
  (alone) =>
    withServe(async (whole) => {
      const stopped = [alone.pid, whole.pid, ...await started(whole, 2)];
      const before = [...await started(alone, 2), ...workersOf(whole)];
      for (const pid of stopped) Deno.kill(pid, "SIGSTOP");
      await sleep(8_000);
      for (const pid of stopped) Deno.kill(pid, "SIGCONT");
      await sleep(2_500);
      for (const server of [alone, whole]) {
        assert.equal(await oneCall(server.port), "answered");
        assert.doesNotMatch(server.stderr.text, /has not answered|has ended/);
      }
      assert.ok(before.every(isAlive));
    }, TWO),
  TWO,
);

posixServeTest(
  "SIGHUP says which worker does not answer, and what becomes of it",
  async (server) => {
    const [worker, other] = await started(server, 2);
    const tells = (pid: number) =>
      new RegExp(
        `SIGHUP: worker \\d \\(process ${pid}\\) does not answer; it reads the TLS files`,
      );
    Deno.kill(worker!, "SIGSTOP");
    server.kill("SIGHUP");
    await server.stderr.until(tells(worker!));
    // It is waited for 1 s.
    assert.doesNotMatch(server.stderr.text, /has not answered for 5 s/);
    assert.doesNotMatch(server.stderr.text, tells(other!));
    Deno.kill(worker!, "SIGCONT");
    await server.stderr.until(/SIGHUP: new connections of worker 1 .* use the new TLS files/);
  },
  [...TWO, "--tls-cert", "tests/certs/server.pem", "--tls-key", "tests/certs/server.key"],
);
