/** `usersvc gauntlet`: each verdict is reached by a client that deserves it. */
import assert from "node:assert/strict";
import { linuxTest, posixTest, withFolder } from "../support/program.ts";
import { gone } from "../support/workers.ts";
import { gauntlet, ourClient, result } from "./clients.ts";

posixTest("a client that does as the specification says passes", async () => {
  const one = await result("rst_after_data", ourClient(), "--exit-codes", "grpc");
  const { time_ms, memory_bytes, ...rest } = one;
  assert.ok(time_ms > 0);
  if (Deno.build.os === "linux") assert.ok(memory_bytes > 10_000_000, `${memory_bytes}`);
  assert.deepEqual(rest, {
    name: "rst_after_data",
    group: "Resets of the stream",
    does: "The server resets the stream with the error code 0 after the message of the answer.",
    wanted: "failure",
    codes: ["INTERNAL"],
    section: "gRPC's PROTOCOL-HTTP2.md, Errors",
    verdict: "passed",
    exitCode: 77,
    code: "INTERNAL",
    connections: 1,
    tries: 1,
    resets: 0,
  });
});

posixTest("one that believes everything took a broken answer for good", async () => {
  const one = await result("no-trailers", `${ourClient()} || true`);
  assert.equal(one.verdict, "took a broken answer for good");
  assert.equal(one.exitCode, 0);
});

/** The first run is that with a server that does nothing wrong. */
const onceRight = (folder: string, then: string) =>
  `if mkdir ${folder}/begun 2> /dev/null; then exec ${ourClient()}; fi; ${then}`;

posixTest("one that fails a call which has to succeed gave up", () =>
  withFolder(async (folder) => {
    const fails = onceRight(folder, `exec 3<> /dev/tcp/\${USERSVC_ADDRESS/://}; exit 78`);
    const one = await result("ping", fails);
    assert.equal(one.verdict, "gave up");
    assert.equal(one.connections, 1);
  }));

posixTest(
  "one that does not connect gave up, also where it is to fail",
  () =>
    withFolder(async (folder) => {
      const one = await result("no-trailers", onceRight(folder, "exit 78"));
      assert.equal(one.verdict, "gave up");
      assert.equal(one.connections, 0);
    }),
);

posixTest("a wrong status code counts where exit codes say it", async () => {
  const client = `${ourClient()} || exit 66`;
  const one = await result("status-not-found", client, "--exit-codes", "grpc");
  assert.deepEqual([one.verdict, one.code], ["wrong code", "UNKNOWN"]);
  assert.equal((await result("status-not-found", client)).verdict, "passed");
  const none = await result("status-not-found", `${ourClient()} || exit 1`, "--exit-codes", "grpc");
  assert.deepEqual([none.verdict, none.code], ["wrong code", undefined]);
});

posixTest("one that repeats a call whose answer had begun called again", async () => {
  const one = await result("rst_after_header", `${ourClient()} || ${ourClient()}`);
  assert.deepEqual([one.verdict, one.tries], ["called again", 2]);
  // Nothing was answered yet.
  assert.equal(
    (await result("rst-no-error", `${ourClient()} || ${ourClient()}`)).verdict,
    "passed",
  );
});

posixTest("one that a signal ends, or that shows a trace, crashed", async () => {
  const killed = await result("no-trailers", `${ourClient()} || kill -SEGV $$`);
  assert.deepEqual([killed.verdict, killed.signal], ["crashed", "SIGSEGV"]);
  const traces = ["panic: runtime error", "Traceback (most recent call last):"];
  for (const trace of traces) {
    const one = await result(
      "no-trailers",
      `${ourClient()} 2> /dev/null || { echo '${trace}' >&2; exit 2; }`,
    );
    assert.equal(one.verdict, "crashed");
    assert.deepEqual(one.lastLines, [trace]);
  }
  // It logs one, and then ends by itself.
  const logs = `${ourClient()} || { echo '${traces[0]}' >&2; exit 77; }`;
  assert.equal((await result("no-trailers", logs)).verdict, "passed");
});

posixTest(
  "one that does not end hung, and is killed with what it has started",
  () =>
    withFolder(async (folder) => {
      const hangs = `${ourClient()} || { sleep 600 & echo $! > ${folder}/pid; wait; }`;
      const { code, stdout } = await gauntlet("no-trailers", hangs, "--timeout", "5s");
      assert.equal(code, 1);
      assert.match(stdout, /^no-trailers: hung\n/);
      await gone(Number(await Deno.readTextFile(`${folder}/pid`)));
    }),
);

posixTest(
  "what a client leaves behind is killed, and its output is not waited for",
  () =>
    withFolder(async (folder) => {
      const leaves = `sleep 600 & echo $! > ${folder}/pid; exec ${ourClient()}`;
      assert.equal((await result("answer", leaves)).verdict, "passed");
      await gone(Number(await Deno.readTextFile(`${folder}/pid`)));
    }),
);

linuxTest("a client may print without end", async () => {
  const one = await result(
    "no-trailers",
    `head -c 50000000 /dev/zero | tr '\\0' x; ${ourClient()}`,
  );
  assert.equal(one.verdict, "passed");
});
