import assert from "node:assert/strict";
import { readLines } from "../../src/batch/lines.ts";

/** Reads lines from a stream that comes in these pieces; `fault` is the message of its error. */
async function read(...pieces: Uint8Array[]) {
  const lines: string[] = [];
  try {
    for await (const list of readLines(ReadableStream.from(pieces))) lines.push(...list);
    return { lines };
  } catch (error) {
    return { lines, fault: (error as Error).message };
  }
}

/** The same bytes in three pieces, in every way. */
function* cuts(bytes: Uint8Array): Generator<Uint8Array[], void, void> {
  for (let first = 0; first <= bytes.length; first++) {
    for (let second = first; second <= bytes.length; second++) {
      yield [bytes.slice(0, first), bytes.slice(first, second), bytes.slice(second)];
    }
  }
}

for (
  const [end, fault] of [
    [[0x0a], undefined],
    [[0xd0, 0x0a, 0x61], "line 6 is not UTF-8; convert it first, as with iconv"],
    [[0xff], "line 6 is not UTF-8; convert it first, as with iconv"],
  ] as const
) {
  Deno.test(`lines do not depend on how their stream is cut, the last bytes are ${end}`, async () => {
    const begin = new TextEncoder().encode("\ufeffИ\r\n\n\ufeffa\r\r\nb\n\ufffd\n");
    const lines = ["И", "", "\ufeffa\r", "b", "\ufffd", ...(fault === undefined ? [""] : [])];
    for (const pieces of cuts(new Uint8Array([...begin, ...end]))) {
      const expected = fault === undefined ? { lines } : { lines, fault };
      assert.deepEqual(await read(...pieces), expected, JSON.stringify(pieces));
    }
  });
}

Deno.test("a line of 1 MiB is read, and of a longer one no more than that", async () => {
  const most = new Uint8Array(1 << 20).fill(0x61);
  const end = Uint8Array.of(0x0a);
  assert.equal((await read(most, end)).lines[0]?.length, 1 << 20);
  const { lines, fault } = await read(end, most, Uint8Array.of(0x61, 0x0a));
  assert.deepEqual([lines, fault], [[""], "line 2 is longer than 1 MiB"]);
});
