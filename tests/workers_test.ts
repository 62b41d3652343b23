import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { WORKER_MEMORY, WORKERS } from "../src/commands/value_ranges.ts";
import { openBackOff } from "../src/processes/worker_state.ts";
import { root } from "../tools/paths.ts";
import { healthClient, watchHealth } from "./support/health_client.ts";
import { oneCall, oneCallEach } from "./support/one_call.ts";
import {
  linuxTest,
  posixTest,
  programTest,
  runProgram,
  type Serve,
  usersvc,
  withServe,
} from "./support/program.ts";
import { finishCall, goaway, openSession, roundTrip, startCall } from "./support/raw_client.ts";

const TWO = ["--workers", "2"];
const STARTED = /worker (\d+) \(process (\d+)\) has started\n/g;

/** The process ids of the workers that have started so far, the latest last. */
function workersOf({ stderr }: Serve): number[] {
  return [...stderr.text.matchAll(STARTED)].map((match) => Number(match[2]));
}

/** Waits until so many workers have started since the start of the server. */
async function started(server: Serve, count: number): Promise<number[]> {
  await server.stderr.until(new RegExp(`(?:[^]*?${STARTED.source}){${count}}`));
  return workersOf(server);
}

function isAlive(pid: number): boolean {
  try {
    // Signal 0 asks only; Deno has no name for it, SIGCONT does nothing to a process that runs.
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch {
    return false;
  }
}

/** Waits until a process has ended, for one that is not our child: it tells nobody. */
async function gone(pid: number): Promise<void> {
  while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Starts a call on a connection of its own; the next one goes to the next worker. */
async function callInFlight(server: Serve) {
  const session = await openSession(server.port);
  const stream = startCall(session);
  await roundTrip(session);
  return { session, stream };
}

Deno.test("sizes have a unit and lie between 150MB and 64GB", () => {
  assert.equal(WORKER_MEMORY.parse("400MB"), 400_000_000);
  assert.equal(WORKER_MEMORY.parse("1.5GB"), 1_500_000_000);
  assert.equal(WORKER_MEMORY.parse("150MB"), 150_000_000);
  for (const text of ["", "400", "MB", "149MB", "65GB", "-1GB", "400mb", "400 MB", "1e3MB"]) {
    assert.equal(WORKER_MEMORY.parse(text), undefined, text);
  }
});

Deno.test("worker counts are 1 to 256, or auto", () => {
  assert.equal(WORKERS.parse("1"), 1);
  assert.equal(WORKERS.parse("256"), 256);
  assert.equal(WORKERS.parse("auto"), navigator.hardwareConcurrency);
  for (const text of ["", "0", "257", "-1", "1.5", "two", "AUTO"]) {
    assert.equal(WORKERS.parse(text), undefined, text);
  }
});

Deno.test("deaths in a row are waited for longer and longer, up to 30 s", () => {
  const { died } = openBackOff();
  const waits = Array.from({ length: 10 }, () => died(100));
  assert.deepEqual(waits, [0, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  assert.equal(died(10_000), 0, "one that has lived for 10 s is a new beginning");
  assert.equal(died(100), 250);
});

programTest("--worker-memory without --workers is a wrong command line", async () => {
  const { code, stderr } = await usersvc(["serve", "--worker-memory", "1GB"]);
  assert.equal(code, 2);
  assert.match(stderr, /--worker-memory needs --workers/);
});

posixTest("the supervisor loads no package at all", async () => {
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-npm", "--no-prompt", `${root}src/processes/supervisor.ts`],
    stderr: "null",
  }).output();
  assert.ok(success);
});

posixTest("a worker's task in the environment of another process is an error", async () => {
  const { code, stderr } = await usersvc(["serve"], { env: { USERSVC_WORKER: "{}" } });
  assert.equal(code, 2);
  assert.match(stderr, /^usersvc: USERSVC_WORKER is for workers .*; unset it\n$/);
});

posixTest(
  "two workers share the port, the start line comes once, the drain is clean",
  () =>
    withServe(async (server) => {
      const pids = await started(server, 2);
      assert.equal(new Set(pids).size, 2);
      const calls = await Promise.all([callInFlight(server), callInFlight(server)]);
      const heard = calls.map(({ session }) => goaway(session));
      server.kill("SIGTERM");
      // Each worker says so of its own connection.
      await Promise.all(heard);
      assert.equal(await oneCall(server.port), "refused");
      for (const { stream } of calls) {
        assert.deepEqual(await finishCall(stream, "A"), { status: "0", message: "Привет, A!" });
      }
      const { code, stdout, stderr } = await server.ended();
      assert.equal(code, 0);
      assert.equal(stdout.match(/запущен/g)?.length, 1);
      assert.equal(stderr.match(/has drained/g)?.length, 2);
      assert.equal(pids.some(isAlive), false);
    }, TWO),
);

posixTest(
  "SIGINT for the whole group, as Ctrl-C sends it, drains as well",
  () =>
    withServe(async (server) => {
      const pids = await started(server, 2);
      const { session, stream } = await callInFlight(server);
      const heard = goaway(session);
      for (const pid of [server.pid, ...pids]) Deno.kill(pid, "SIGINT");
      await heard;
      assert.equal((await finishCall(stream, "A")).status, "0");
      assert.equal((await server.ended()).code, 0);
    }, TWO),
);

posixTest(
  "calls that do not finish in time are cancelled, exit code 1",
  () =>
    withServe(async (server) => {
      await started(server, 2);
      const calls = await Promise.all([callInFlight(server), callInFlight(server)]);
      for (const { stream } of calls) stream.on("error", () => {});
      server.kill("SIGTERM");
      const { code, stderr } = await server.ended();
      assert.equal(code, 1);
      assert.match(stderr, /calls cancelled: 2, workers that died: 0\n$/);
    }, [...TWO, "--grace", "300ms"]),
);

posixTest(
  "a second signal ends all at once and leaves no process behind",
  () =>
    withServe(async (server) => {
      const pids = await started(server, 2);
      const { session, stream } = await callInFlight(server);
      stream.on("error", () => {});
      const heard = goaway(session);
      server.kill("SIGTERM");
      await heard;
      server.kill("SIGINT");
      assert.equal((await server.ended()).code, 128 + 2);
      await Promise.all(pids.map(gone));
    }, TWO),
);

posixTest("a port in use is the same error as with one process, once", async () => {
  const other = createServer().listen(0, "127.0.0.1");
  await once(other, "listening");
  const { port } = other.address() as AddressInfo;
  const args = ["serve", "--host", "127.0.0.1", "--port", `${port}`];
  const alone = await usersvc(args);
  const workers = await usersvc([...args, ...TWO]);
  assert.deepEqual(workers, alone);
  assert.equal(alone.code, 1);
  await new Promise((resolve) => other.close(resolve));
});

posixTest("workers that cannot start are one error, exit code 1", async () => {
  const files = ["--tls-cert", "/nowhere/cert.pem", "--tls-key", "/nowhere/key.pem"];
  const { code, stdout, stderr } = await usersvc(["serve", "--port", "0", ...TWO, ...files]);
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(stderr, /^usersvc serve: cannot read \/nowhere\/.*\n$/);
});

posixTest(
  "kill -9 of a worker under load costs only its calls in flight, and it is replaced within 2 s",
  () =>
    withServe(async (server) => {
      const [victim, other] = await started(server, 2);
      const load = oneCallEach(server.port, 100);
      await server.stdout.until(/(?:.*GetUser.*\n){50}/);
      const start = performance.now();
      Deno.kill(victim!, "SIGKILL");
      const pids = await started(server, 3);
      assert.ok(performance.now() - start < 2_000, "two workers serve again");
      assert.ok(isAlive(other!) && isAlive(pids[2]!));
      const tally = await load.stop();
      assert.equal(tally.refused + tally.hanging, 0, JSON.stringify(tally));
      assert.ok(tally.lost <= 5 && tally.answered >= 50, JSON.stringify(tally));
    }, TWO),
);

posixTest(
  "a worker that is asked to end is replaced first, and no call is lost",
  () =>
    withServe(async (server) => {
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
    }, TWO),
);

posixTest(
  "health does not say NOT_SERVING when a worker is replaced, only when the server drains",
  () =>
    withServe(async (server) => {
      const [worker] = await started(server, 1);
      const client = await healthClient(server.port);
      const before = watchHealth(client);
      await before.first;
      Deno.kill(worker!, "SIGTERM");
      assert.match(String(await before.ended), /UNAVAILABLE: the server is draining/);
      assert.deepEqual(before.seen, ["SERVING"]);
      const after = watchHealth(client);
      await after.first;
      await gone(worker!);
      server.kill("SIGTERM");
      assert.match(String(await after.ended), /UNAVAILABLE: the server is draining/);
      assert.deepEqual(after.seen, ["SERVING", "NOT_SERVING"]);
      client.close();
      assert.equal((await server.ended()).code, 0);
    }, ["--workers", "1"]),
);

posixTest(
  "with its only worker killed, the port stays, and calls wait for the next one",
  () =>
    withServe(async (server) => {
      const [worker] = await started(server, 1);
      Deno.kill(worker!, "SIGKILL");
      assert.equal(await oneCall(server.port), "answered");
    }, ["--workers", "1"]),
);

posixTest(
  "a worker that is killed again and again is replaced more and more slowly",
  () =>
    withServe(async (server) => {
      for (let round = 1; round <= 4; round++) {
        const pids = await started(server, round);
        assert.equal(pids.length, round);
        Deno.kill(pids[round - 1]!, "SIGKILL");
      }
      await server.stderr.until(/another starts in 1 s\n/);
      const waits = [...server.stderr.text.matchAll(/another starts (.*)\n/g)].map(([, at]) => at);
      assert.deepEqual(waits, ["at once", "in 0.25 s", "in 0.5 s", "in 1 s"]);
      assert.equal(await oneCall(server.port), "answered");
    }, ["--workers", "1"]),
);

posixTest("workers whose supervisor is killed finish their calls and end", async () => {
  await withServe(async (server) => {
    const pids = await started(server, 2);
    const { session, stream } = await callInFlight(server);
    const heard = goaway(session);
    server.kill("SIGKILL");
    await heard;
    assert.equal((await finishCall(stream, "A")).status, "0");
    await Promise.all(pids.map(gone));
  }, TWO);
});

posixTest(
  "further SIGTERMs change nothing for a worker that drains",
  () =>
    withServe(async (server) => {
      const [worker] = await started(server, 1);
      const { session, stream } = await callInFlight(server);
      const heard = goaway(session);
      Deno.kill(worker!, "SIGTERM");
      await heard;
      for (let count = 0; count < 3; count++) Deno.kill(worker!, "SIGTERM");
      await sleep(300);
      assert.ok(isAlive(worker!), "it still has a call");
      assert.equal((await finishCall(stream, "A")).status, "0");
      await gone(worker!);
      await server.stderr.until(/has drained\n/);
      assert.equal(workersOf(server).length, 2);
    }, ["--workers", "1"]),
);

posixTest(
  "a worker that hangs is killed and replaced after 5 s, its calls fail, others are answered",
  () =>
    withServe(async (server) => {
      const pids = await started(server, 2);
      const held = await Promise.all([callInFlight(server), callInFlight(server)]);
      const start = performance.now();
      Deno.kill(pids[0]!, "SIGSTOP");
      // In turn: one goes to the worker that hangs, and to the other one when it is killed.
      const calls = Array.from({ length: 4 }, () => oneCall(server.port, 20_000));
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
      assert.ok(silentMs > 4_000 && silentMs < 10_000, `${silentMs} ms`);
      assert.equal(Number(pid), pids[0]);
      await server.stderr.until(/has ended: SIGKILL; another starts .*\n/);
      assert.deepEqual(await Promise.all(calls), Array(4).fill("answered"));
      await started(server, 3);
      assert.equal(await Promise.race(ends), "lost");
      assert.ok(isAlive(pids[1]!));
      assert.equal(await oneCall(server.port), "answered");
    }, [...TWO, "--grace", "1s"]),
);

linuxTest(
  "a worker that lives but hears nothing any more is replaced, and its connection goes to another",
  () =>
    withServe(async (server) => {
      const [worker] = await started(server, 1);
      // A socket that it has no file descriptor for is lost, and Deno sends nothing after it.
      const { code } = await runProgram("prlimit", ["--pid", `${worker}`, "--nofile=3"]);
      assert.equal(code, 0);
      assert.equal(await oneCall(server.port, 20_000), "answered");
      assert.match(server.stderr.text, new RegExp(`process ${worker}\\) has not answered for 5 s`));
    }, ["--workers", "1"]),
);

posixTest(
  "where all workers hang, they are replaced one after another, and calls wait meanwhile",
  () =>
    withServe(async (server) => {
      const pids = await started(server, 2);
      for (const pid of pids) Deno.kill(pid, "SIGSTOP");
      const calls = Array.from({ length: 4 }, () => oneCall(server.port, 30_000));
      await started(server, 4);
      assert.deepEqual(await Promise.all(calls), Array(4).fill("answered"));
      const happened = [...server.stderr.text.matchAll(/has (not answered|started)/g)];
      assert.deepEqual(happened.map(([, what]) => what), [
        ...["started", "started"],
        ...["not answered", "started"],
        ...["not answered", "started"],
      ]);
    }, TWO),
);

posixTest(
  "the sleep of a supervisor or of all its processes is not taken for silence of the workers",
  () =>
    withServe((alone) =>
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
      }, TWO), TWO),
);

posixTest(
  "SIGHUP says which worker does not answer, and what becomes of it",
  () =>
    withServe(async (server) => {
      const [worker, other] = await started(server, 2);
      const tells = (pid: number) =>
        new RegExp(
          `SIGHUP: worker \\d \\(process ${pid}\\) does not answer; it reads the TLS files`,
        );
      Deno.kill(worker!, "SIGSTOP");
      const start = performance.now();
      server.kill("SIGHUP");
      await server.stderr.until(tells(worker!));
      assert.ok(performance.now() - start < 3_000, "it is waited for 1 s");
      assert.doesNotMatch(server.stderr.text, tells(other!));
      Deno.kill(worker!, "SIGCONT");
      await server.stderr.until(
        /SIGHUP: new connections of worker 1 .* use the TLS files as they are/,
      );
    }, [...TWO, "--tls-cert", "tests/certs/server.pem", "--tls-key", "tests/certs/server.key"]),
);

// An executable has its permissions inside, where nobody sees them; a bare `deno test` may not ask.
const executable = Deno.permissions.querySync({ name: "env" }).state === "granted" &&
  Deno.env.get("USERSVC_UNDER_TEST");
if (Deno.build.os === "linux" && !executable) {
  programTest(
    "a worker may do no more than its supervisor, and starts no program",
    () =>
      withServe(async (server) => {
        const flags = async (pid: number) =>
          (await Deno.readTextFile(`/proc/${pid}/cmdline`)).split("\0")
            .filter((arg) => /^-A$|^--allow-|^--ignore-env$|^--no-prompt$/.test(arg));
        const [worker] = await started(server, 1);
        const own = await flags(server.pid);
        const its = await flags(worker!);
        assert.ok(its.includes("--ignore-env") && its.includes("--no-prompt"));
        for (const flag of its.filter((flag) => !flag.startsWith("--allow-env="))) {
          assert.ok(own.includes(flag), flag);
        }
        assert.ok(its.includes("--allow-env=USERSVC_WORKER,GRPC_*"));
        assert.ok(!its.some((flag) => flag.startsWith("--allow-run") || flag === "-A"));
      }, ["--workers", "1"]),
  );
}
