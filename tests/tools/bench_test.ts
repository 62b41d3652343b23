/** The parts of the benchmark that start no program. */
import assert from "node:assert/strict";
import { dataBytes } from "../../tools/bench/load.ts";
import { type Result, SHAPES } from "../../tools/bench/measure.ts";
import { drawPicture, formatSamples, median, withFigures } from "../../tools/bench/report.ts";

Deno.test("measurements are summed up by their least and their median", () => {
  assert.equal(median([100, 3, 20]), 20);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.equal(formatSamples([7]), "7 / 7");
  assert.equal(formatSamples([1_234.5, 60.44, 1_234.5]), "60.4 / 1,230");
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

Deno.test("the bytes of the answers are read from what h2load prints", () => {
  assert.equal(dataBytes(PRINTED), 540);
  assert.equal(dataBytes(PRINTED.replace(/^traffic.*$/m, "")), undefined);
});

/** A result in which a call costs each server so many microseconds under every load. */
function resultOf(costs: Readonly<Record<string, number>>): Result {
  return {
    machine: "a machine",
    sizes: { rounds: 1, calls: 40_000, processes: 1, names: 1 },
    servers: Object.entries(costs).map(([name, cost]) => ({
      name,
      cpuMicros: SHAPES.map(() => [cost]),
      memoryMb: [99],
    })),
    processes: [{ name: "usersvc --version", ms: [25] }],
    skipped: [{ name: "grpcurl", why: "go is not on PATH" }],
  };
}

Deno.test("the page gets the figures and the target, and keeps the rest", () => {
  const page = "before\n<!-- figures of the bench -->\nold\n<!-- end -->\nafter\n";
  const targetOf = (costs: Readonly<Record<string, number>>) => {
    const text = withFigures(page, resultOf(costs));
    assert.match(text, /^before\n<!--.*-->\n\na machine\.\n[^]*\n<!-- end -->\nafter\n$/);
    assert.match(text, /\| usersvc --version \| 25 \/ 25 \|/);
    assert.match(text, /\nSkipped: grpcurl: go is not on PATH\n/);
    assert.doesNotMatch(text, /old/);
    return /target.*?\| (\S*) \|/.exec(text)![1];
  };
  assert.equal(targetOf({ usersvc: 10, "grpc-go": 20, "grpc-js on Node": 100 }), "20");
  assert.equal(targetOf({ usersvc: 10, "grpc-go": 20, "grpc-js on Node": 60 }), "15");
  assert.equal(targetOf({ usersvc: 10, "grpc-go": 20 }), "20");
  assert.equal(targetOf({ usersvc: 10 }), "");
  assert.throws(() => withFigures("no place", resultOf({ usersvc: 10 })), /the page has no <!--/);
});

Deno.test("the picture has a bar for each server that was measured", () => {
  const result = resultOf({ usersvc: 12, "grpc-go": 24, "Python (grpcio)": 410, other: 5 });
  const [light, dark] = (["light", "dark"] as const).map((theme) => drawPicture(result, theme));
  assert.notEqual(light, dark);
  for (const picture of [light!, dark!]) {
    for (const name of ["usersvc", "grpc-go", "Python (grpcio)"]) {
      assert.equal(picture.split(`>${name}</text>`).length, 2, name);
    }
    assert.doesNotMatch(picture, />other<|>grpc-js on Node<|NaN|undefined|Infinity/);
    const widths = [...picture.matchAll(/<rect .*?width="([\d.]+)" height="20"/g)].map(([, w]) =>
      +w!
    );
    assert.ok(Math.abs(widths[1]! / widths[0]! - 2) < 0.02, `${widths}`);
  }
});
