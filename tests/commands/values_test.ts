import assert from "node:assert/strict";
import { PORT, PORT_OR_FREE } from "../../src/cli/values.ts";
import {
  DURATION,
  DURATION_OR_NONE,
  RATE,
  WORKER_MEMORY,
  WORKERS,
} from "../../src/commands/value_ranges.ts";

const { parse: parseDuration } = DURATION;
const { parse: parsePort } = PORT;
const { parse: parsePortOrFree } = PORT_OR_FREE;

Deno.test("durations have a unit and lie between 1ms and 24h", () => {
  const valid: [string, number][] = [
    ["1ms", 1],
    ["500ms", 500],
    ["2s", 2_000],
    ["1.5s", 1_500],
    ["1m", 60_000],
    ["24h", 86_400_000],
  ];
  for (const [text, ms] of valid) assert.equal(parseDuration(text), ms, text);
  for (
    const text of ["", "10", "0s", "0.5ms", "25h", "-1s", "1 s", "1S", "1d", "s", "1e3s", "１s"]
  ) {
    assert.equal(parseDuration(text), undefined, text);
  }
});

Deno.test("durations and rates begin at zero where that means something", () => {
  for (const text of ["0", "0s", "0ms"]) {
    assert.equal(DURATION_OR_NONE.parse(text), 0);
    assert.equal(parseDuration(text), undefined);
  }
  assert.match(DURATION_OR_NONE.expects, /from 0 to 24h/);
  assert.deepEqual(["0.5", "0.001", "10000"].map(RATE.parse), [0.5, 0.001, 10_000]);
  for (const text of ["0", "0.0001", "10000.1", "1e3", ".5", "-1", ""]) {
    assert.equal(RATE.parse(text), undefined, text);
  }
});

Deno.test("ports are whole numbers in range", () => {
  for (const text of ["1", "50051", "65535"]) {
    assert.equal(parsePort(text), Number(text));
  }
  assert.equal(parsePort("0"), undefined);
  assert.equal(parsePortOrFree("0"), 0);
  for (const text of ["", "-1", "65536", "1e3", "0x10", "50051 ", "1.5", "abc", "999999"]) {
    assert.equal(parsePort(text), undefined, text);
    assert.equal(parsePortOrFree(text), undefined, text);
  }
});

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
