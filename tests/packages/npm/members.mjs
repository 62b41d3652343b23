// What `serve` gives.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";
import { test } from "node:test";
import { serve } from "usersvc";
import { greet } from "./greet.mjs";

async function withServer(args, use) {
  const server = await serve({ args });
  try {
    await use(server);
  } finally {
    await server.stop();
  }
}

test("it is the same function for require", () => {
  assert.equal(createRequire(import.meta.url)("usersvc").serve, serve);
});

test("calls are found by what the filter says", async () => {
  await withServer(["--log-metadata", "x-request-id"], async (server) => {
    await greet(server, "Alice", { "x-request-id": "7" });
    await greet(server, "Bob", { "x-request-id": "8" });
    const [alice, bob] = await server.calls({ count: 2 });
    assert.deepEqual([alice.username, bob.username], ["Alice", "Bob"]);
    assert.deepEqual(await server.calls({ username: "Alice" }), [alice]);
    assert.deepEqual(await server.calls({ metadata: { "x-request-id": "8" } }), [bob]);
    assert.deepEqual(await server.calls({ since: alice.id }), [bob]);
    await server.reset();
    assert.deepEqual(await server.calls(), []);
    await assert.rejects(server.calls({ count: 1, wait: 0 }), /408/);
    await assert.rejects(server.calls({ user: "Alice" }), /400.*user/);
  });
});

test("calls that come later are waited for", async () => {
  await withServer([], async (server) => {
    const three = server.calls({ username: "Alice", count: 3, wait: 60_000 });
    for (let time = 1; time <= 3; time += 1) await greet(server, "Alice");
    assert.equal((await three).length, 3);
  });
});

test("a server that keeps no calls says so", async () => {
  for (const args of [["--workers", "1"], ["--no-http"]]) {
    await withServer(args, async (server) => {
      assert.equal(await greet(server, "Alice"), "Привет, Alice!");
      await assert.rejects(server.calls());
    });
  }
});

test("a server that does not start rejects with what it says", async () => {
  await assert.rejects(serve({ args: ["--dely", "2s"] }), /^Error: usersvc serve: .*--dely/);
  await assert.rejects(serve({ args: ["--log=text"] }), /--log cannot be among args/);
  await withServer([], async ({ port }) => {
    const second = serve({ args: ["--port", `${port}`] });
    await assert.rejects(second, /^Error: usersvc serve: cannot listen .* port is in use/);
  });
});

test("an address is one that is reached", async () => {
  for (const [host, address] of [["::1", "[::1]"], ["::", "[::1]"], ["0.0.0.0", "127.0.0.1"]]) {
    await withServer(["--host", host], async (server) => {
      assert.equal(server.address, `${address}:${server.port}`);
      assert.equal(await greet(server, "Alice"), "Привет, Alice!");
      assert.equal((await server.calls({ count: 1 })).length, 1);
    });
  }
});

test("calls are asked for with TLS too", async () => {
  const tls = ["--tls-cert", process.env.TLS_CERT, "--tls-key", process.env.TLS_KEY];
  await withServer(tls, async (server) => {
    assert.deepEqual(await server.calls(), []);
  });
});

test("it has ended once it is stopped, and can be stopped again", async () => {
  const server = await serve();
  assert.deepEqual(await server.stop(), { code: 0, signal: null });
  assert.deepEqual(await server.stop(), await server.exited);
});

test("one that is killed says so", async () => {
  const server = await serve();
  const [pid] = readFileSync(`/proc/self/task/${process.pid}/children`, "utf8").split(" ");
  process.kill(Number(pid), "SIGKILL");
  assert.deepEqual(await server.stop(), { code: null, signal: "SIGKILL" });
  assert.deepEqual(await server.exited, { code: null, signal: "SIGKILL" });
});
