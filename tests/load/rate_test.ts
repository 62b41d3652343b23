/** What `call --rate` measures: its own rate, and the time of calls that had to wait. */
import assert from "node:assert/strict";
import { linuxServeTest, usersvc } from "../support/program.ts";

/** Runs a batch and returns its summary. */
async function summaryOf(port: number, args: readonly string[]) {
  const call = ["call", "A", "--port", `${port}`, "--summary", "json"];
  const { code, stderr } = await usersvc([...call, ...args]);
  assert.equal(code, 0, stderr);
  return JSON.parse(stderr);
}

linuxServeTest("--rate 1000 holds its rate within 2 %, by the server's clock", async (server) => {
  const args = ["--rate", "1000", "--repeat", "4000"];
  const { calls, rate } = await summaryOf(server.port, args);
  assert.equal(calls, 4_000);
  await server.stdout.lines(1 + calls);
  const times = [...server.stdout.text.matchAll(/"time":"([^"]+)".*"event":"call"/g)]
    .map(([, time]) => Date.parse(time!)).sort((a, b) => a - b);
  assert.equal(times.length, calls);
  // The first calls waited for the connection: they came close together.
  const steady = times.slice(500);
  const seen = (steady.length - 1) * 1_000 / (steady.at(-1)! - steady[0]!);
  console.log(
    `rate: ${rate.begun}/s begun, ${seen.toFixed(1)}/s at the server, ${rate.late} late`,
  );
  for (const perSecond of [rate.begun, seen]) {
    assert.ok(Math.abs(perSecond - 1_000) <= 20, `${perSecond} per second`);
  }
}, ["--log", "json"]);

linuxServeTest(
  "a server that stops for a second is in the latencies, however few calls wait for it",
  async (server) => {
    const args = ["--rate", "200", "--repeat", "600"];
    // One call in flight alone: without the intended starts, one in 600 would have been slow.
    const batches = [["--concurrency", "1"], []]
      .map((more) => summaryOf(server.port, [...args, ...more]));
    // A batch that ends too early says why.
    await Promise.race([server.stdout.lines(200), ...batches]);
    server.kill("SIGSTOP");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    server.kill("SIGCONT");
    const [one, many] = await Promise.all(batches);
    for (const { calls, codes, latencyMs: { p95, p99, max }, rate } of [one, many]) {
      console.log(`stopped: p95 ${p95} ms, p99 ${p99} ms, max ${max} ms, ${rate.late} late`);
      assert.deepEqual([calls, codes], [600, { OK: 600 }]);
      assert.ok(max >= 950 && p99 >= 900 && p95 >= 500, `${p95} ${p99} ${max}`);
    }
    assert.ok(one.rate.late > 50, `${one.rate.late} late`);
    // Open loop: the calls begin while the server has stopped.
    assert.ok(many.rate.late < one.rate.late / 4, `${many.rate.late} late of ${one.rate.late}`);
    assert.ok(Math.abs(many.rate.begun - 200) <= 4, `${many.rate.begun} per second`);
  },
);
