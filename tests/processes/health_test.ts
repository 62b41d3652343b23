/** `serve --health`, and SIGUSR2, which turns over what health checks are told. */
import assert from "node:assert/strict";
import {
  posixServeTest,
  posixTest,
  type Serve,
  serveTest,
  usersvc,
  withServe,
} from "../support/program.ts";
import { goaway, openSession, type Settings } from "../support/raw_client.ts";
import { withWatch } from "../support/watch.ts";
import { inTime } from "../support/waits.ts";
import { callInFlight, gone, started, TWO } from "../support/workers.ts";

async function check({ port }: Serve) {
  const { code, stdout } = await usersvc(["check", "--port", `${port}`]);
  return { code, stdout };
}

const SERVING = { code: 0, stdout: "SERVING\n" };
const NOT_SERVING = { code: 4, stdout: "NOT_SERVING\n" };

for (const flags of [[], TWO]) {
  posixTest(
    `health is turned over by SIGUSR2, and watches see it: ${flags.join(" ")}`,
    () =>
      withServe(async (server) => {
        if (flags === TWO) await started(server, 2);
        assert.deepEqual(await check(server), NOT_SERVING);
        assert.equal((await fetch(`http://127.0.0.1:${server.port}/healthz`)).status, 503);
        await withWatch(server.port, "--timeout 30s", async ({ stdout }) => {
          await stdout.until(/^NOT_SERVING\n$/);
          server.kill("SIGUSR2");
          await stdout.until(/^NOT_SERVING\nSERVING\n$/);
          await server.stderr.until(/: SIGUSR2: health is SERVING\n/);
          assert.deepEqual(await check(server), SERVING);
          server.kill("SIGUSR2");
          await stdout.until(/^NOT_SERVING\nSERVING\nNOT_SERVING\n$/);
        });
      }, [...flags, "--health", "NOT_SERVING"]),
  );
}

posixServeTest("a worker that comes later says what the others say", async (server) => {
  const [first] = await started(server, 1);
  assert.deepEqual(await check(server), SERVING);
  server.kill("SIGUSR2");
  await server.stderr.until(/: SIGUSR2: health is NOT_SERVING\n/);
  Deno.kill(first!, "SIGTERM");
  await gone(first!);
  assert.deepEqual(await check(server), NOT_SERVING);
}, ["--workers", "1"]);

posixServeTest("a drain stays NOT_SERVING, and is no second change", async (server) => {
  server.kill("SIGUSR2");
  await server.stderr.until(/: SIGUSR2: health is NOT_SERVING\n/);
  await withWatch(server.port, "--timeout 30s", async ({ stdout, stderr }) => {
    await stdout.until(/^NOT_SERVING\n$/);
    const { session } = await callInFlight(server);
    const heard = goaway(session);
    server.kill("SIGTERM");
    await inTime("GOAWAY", heard);
    server.kill("SIGUSR2");
    await stderr.until(/: the server is draining; /);
    assert.equal(stdout.text, "NOT_SERVING\n");
    session.destroy();
  });
});

posixServeTest("the log in JSON has it as an event", async (server) => {
  server.kill("SIGUSR2");
  const [line] = await server.stdout.until(/^.*"event":"health".*\n/m);
  const { level, message, status } = JSON.parse(line);
  assert.deepEqual({ level, message, status }, {
    level: "info",
    message: "SIGUSR2: health is NOT_SERVING",
    status: "NOT_SERVING",
  });
}, ["--log", "json"]);

serveTest("clients are told how many calls they may have in flight", async (server) => {
  const { promise, resolve } = Promise.withResolvers<Settings>();
  const session = await openSession(server.port, resolve);
  assert.equal((await promise)["maxConcurrentStreams"], 3);
  session.destroy();
}, ["--max-concurrent-streams", "3"]);
