/** The parts of the benchmark that start no program. */
import assert from "node:assert/strict";
import { parseLatencies, parseReport } from "../tools/bench/h2load.ts";
import { interleave } from "../tools/bench/rounds.ts";
import { percentile, summarize } from "../tools/bench/statistics.ts";
import { formatSummary, formatTable } from "../tools/bench/table.ts";

Deno.test("measurements are summed up by their median, least and greatest", () => {
  assert.deepEqual(summarize([100, 3, 20]), { median: 20, min: 3, max: 100 });
  assert.deepEqual(summarize([4, 1, 3, 2]), { median: 2.5, min: 1, max: 4 });
  assert.deepEqual(summarize([7]), { median: 7, min: 7, max: 7 });
  assert.throws(() => summarize([]), RangeError);
});

Deno.test("a percentile is the nearest rank", () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
  assert.equal(percentile(hundred, 0.5), 50);
  assert.equal(percentile(hundred, 0.99), 99);
  assert.equal(percentile([9, 10], 0.5), 9);
  assert.equal(percentile([5], 0.99), 5);
  assert.throws(() => percentile([], 0.5), RangeError);
});

// As h2load 1.52.0 prints it.
const PRINTED = `starting benchmark...
progress: 100% done

finished in 67.22ms, 297.52 req/s, 21.73KB/s
requests: 20 total, 20 started, 20 done, 19 succeeded, 1 failed, 0 errored, 0 timeout
status codes: 19 2xx, 0 3xx, 0 4xx, 1 5xx
traffic: 1.46KB (1496) total, 280B (280) headers (space savings 89.93%), 540B (540) data
                     min         max         mean         sd        +/- sd
time for request:     2.88ms     59.46ms     31.21ms     28.97ms   100.00%
req/s           :     159.25      159.37      159.31        0.08   100.00%
`;

Deno.test("what h2load prints is read, and an incomplete report is an error", () => {
  assert.deepEqual(parseReport(PRINTED), {
    succeeded: 19,
    callsPerSecond: 297.52,
    dataBytes: 540,
  });
  assert.throws(() => parseReport(PRINTED.replace(/^requests.*$/m, "")), /h2load: no .*succeeded/);
});

Deno.test("h2load's log gives latencies, and a failed call is an error", () => {
  const log = "1795439796626244\t200\t59382\n1795439796626246\t200\t1500\n";
  assert.deepEqual(parseLatencies(log), [59.382, 1.5]);
  assert.throws(() => parseLatencies(`${log}1795439796626246\t-1\t10\n`), /a call failed/);
  assert.throws(() => parseLatencies(""), /a call failed/);
});

Deno.test("rounds take turns and each figure is summed up by itself", async () => {
  const order: string[] = [];
  const task = (name: string, values: number[]) => ({
    title: name,
    about: { name },
    measure: () => {
      order.push(name);
      return Promise.resolve({ ms: values.shift()! });
    },
  });
  const told: string[] = [];
  const tasks = [task("a", [1, 5, 3]), task("b", [20, 10, 30])];
  const result = await interleave(tasks, 3, (what) => told.push(what));
  assert.deepEqual(order, ["a", "b", "a", "b", "a", "b"]);
  assert.deepEqual(told.slice(0, 3), ["round 1 of 3: a", "round 1 of 3: b", "round 2 of 3: a"]);
  assert.deepEqual(result, [
    { name: "a", ms: { median: 3, min: 1, max: 5 } },
    { name: "b", ms: { median: 20, min: 10, max: 30 } },
  ]);
});

Deno.test("a table has its figures to the right, with a range only where there is one", () => {
  assert.equal(formatSummary({ median: 61.23, min: 60.4, max: 1_234.5 }), "61.2 (60.4–1,230)");
  assert.equal(formatSummary({ median: 7, min: 7, max: 7 }), "7");
  assert.equal(
    formatTable([["", "ms"], ["one", "1"], ["b", "200"]]),
    "      ms\none    1\nb    200",
  );
});
