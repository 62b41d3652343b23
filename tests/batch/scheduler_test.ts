import assert from "node:assert/strict";
import { setPace } from "../../src/batch/pace.ts";
import { callEach } from "../../src/batch/scheduler.ts";

async function* manyNames() {
  for (;;) yield await Promise.resolve(["Alice"]);
}

Deno.test("a rate and a duration say how many calls there are at most, whenever the batch begins", async () => {
  const pace = setPace(10);
  // The machine does something else meanwhile.
  for (const start = performance.now(); performance.now() - start < 50;);
  let calls = 0;
  const call = (username: string) => {
    calls++;
    return Promise.resolve({ username, message: "", latencyMs: 0 });
  };
  const options = { concurrency: 1, failFast: false, pace, durationMs: 500 };
  const results = callEach(manyNames(), call, { ...options, signal: new AbortController().signal });
  for await (const _ of results);
  assert.ok(calls > 0 && calls <= 5, `${calls} calls`);
});
