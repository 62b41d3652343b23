import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { openBackOff } from "../../src/processes/worker_states.ts";
import { root } from "../../tools/paths.ts";
import { withWatch } from "../support/watch.ts";
import { oneCall } from "../support/one_call.ts";
import { posixServeTest, posixTest, serveTest, usersvc, withServe } from "../support/program.ts";
import { finishCall, goaway, roundTrip } from "../support/raw_client.ts";
import { inTime } from "../support/waits.ts";
import { callInFlight, gone, isAlive, started, TWO, workersOf } from "../support/workers.ts";

Deno.test("deaths in a row are waited for longer and longer, up to 30 s", () => {
  const { died } = openBackOff();
  const waits = Array.from({ length: 10 }, () => died(100));
  assert.deepEqual(waits, [0, 250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  assert.equal(died(10_000), 0, "one that has lived for 10 s is a new beginning");
  assert.equal(died(100), 250);
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

posixServeTest(
  "two workers share the port, the start line comes once, the drain is clean",
  async (server) => {
    const pids = await started(server, 2);
    assert.equal(new Set(pids).size, 2);
    const calls = await Promise.all([callInFlight(server), callInFlight(server)]);
    const heard = calls.map(({ session }) => goaway(session));
    server.kill("SIGTERM");
    // Each worker says so of its own connection.
    await inTime("GOAWAY", Promise.all(heard));
    assert.equal(await oneCall(server.port), "refused");
    for (const { stream } of calls) {
      assert.deepEqual(await finishCall(stream, "A"), { status: "0", message: "Привет, A!" });
    }
    const { code, stdout, stderr } = await server.ended();
    assert.equal(code, 0);
    assert.equal(stdout.match(/запущен/g)?.length, 1);
    assert.equal(stderr.match(/has drained/g)?.length, 2);
    assert.equal(pids.some(isAlive), false);
  },
  TWO,
);

for (const signal of ["SIGINT", "SIGHUP"] as const) {
  posixServeTest(
    `${signal} for the whole group, as a terminal sends it, drains as well`,
    async (server) => {
      const pids = await started(server, 2);
      const { session, stream } = await callInFlight(server);
      const heard = goaway(session);
      for (const pid of [...pids, server.pid]) Deno.kill(pid, signal);
      await heard;
      assert.equal((await finishCall(stream, "A")).status, "0");
      const { code, stderr } = await server.ended();
      assert.equal(code, 0);
      assert.match(stderr, new RegExp(`${signal}: draining`));
      assert.doesNotMatch(stderr, /has ended|TLS/);
    },
    TWO,
  );
}

posixServeTest("calls that do not finish in time are cancelled, exit code 1", async (server) => {
  await started(server, 2);
  await Promise.all([callInFlight(server), callInFlight(server)]);
  server.kill("SIGTERM");
  const { code, stderr } = await server.ended();
  assert.equal(code, 1);
  assert.match(stderr, /calls cancelled: 2, workers that died: 0\n$/);
}, [...TWO, "--grace", "300ms"]);

posixServeTest("a second signal ends all at once and leaves no process behind", async (server) => {
  const pids = await started(server, 2);
  const { session } = await callInFlight(server);
  const heard = goaway(session);
  server.kill("SIGTERM");
  await heard;
  server.kill("SIGINT");
  const { code, stderr } = await server.ended();
  assert.equal(code, 128 + 2);
  assert.match(stderr, /SIGINT during the drain: ended at once, calls cut: 1\n$/);
  await Promise.all(pids.map(gone));
}, [...TWO, "--grace", "1m"]);

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

posixServeTest(
  "health does not say NOT_SERVING when a worker is replaced, only when the server drains",
  async (server) => {
    const [worker] = await started(server, 1);
    await withWatch(server.port, "--timeout 30s", async ({ stdout, stderr }) => {
      await stdout.until(/^SERVING\n$/);
      Deno.kill(worker!, "SIGTERM");
      await stderr.until(/: the server is draining; trying again every second\n$/);
      await stdout.until(/^SERVING\nSERVING\n$/);
      await gone(worker!);
      server.kill("SIGTERM");
      await stdout.until(/^SERVING\nSERVING\nNOT_SERVING\n$/);
      assert.equal((await server.ended()).code, 0);
    });
  },
  ["--workers", "1"],
);

posixServeTest(
  "with its only worker killed, the port stays, and calls wait for the next one",
  async (server) => {
    const [worker] = await started(server, 1);
    Deno.kill(worker!, "SIGKILL");
    assert.equal(await oneCall(server.port), "answered");
  },
  ["--workers", "1"],
);

posixTest("workers whose supervisor is killed finish their calls and end", async () => {
  await withServe(async (server) => {
    const pids = await started(server, 2);
    const { session, stream } = await callInFlight(server);
    const heard = goaway(session);
    server.kill("SIGKILL");
    await inTime("GOAWAY", heard);
    assert.equal((await finishCall(stream, "A")).status, "0");
    await Promise.all(pids.map(gone));
  }, TWO);
});

posixServeTest(
  "a worker ends whose supervisor was killed before it read everything",
  async (server) => {
    const pids = await started(server, 2);
    const calls = [await callInFlight(server), await callInFlight(server)];
    const heard = calls.map(({ session }) => goaway(session));
    // Each worker then has something to say that nobody reads.
    server.kill("SIGSTOP");
    for (const pid of pids) Deno.kill(pid, "SIGTERM");
    await Promise.all(calls.map(({ session }) => roundTrip(session)));
    // Nothing tells of what nobody reads.
    await sleep(300);
    server.kill("SIGKILL");
    await inTime("GOAWAY", Promise.all(heard));
    for (const { stream } of calls) assert.equal((await finishCall(stream, "A")).status, "0");
    await Promise.all(pids.map(gone));
  },
  TWO,
);

posixServeTest("further SIGTERMs change nothing for a worker that drains", async (server) => {
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
}, ["--workers", "1"]);

// An executable has its permissions inside, where nobody sees them; a bare `deno test` may not ask.
const named = Deno.permissions.querySync({ name: "env" }).state === "granted"
  ? Deno.env.get("USERSVC_UNDER_TEST")
  : "";
if (Deno.build.os === "linux" && (!named || named.endsWith(".js"))) {
  serveTest(
    "a worker may do no more than its supervisor, and starts no program",
    async (server) => {
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
    },
    ["--workers", "1"],
  );
}
