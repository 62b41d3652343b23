import assert from "node:assert/strict";
import { type LineLog, lineLog, PIPE_BUF } from "../../src/telemetry/line_log.ts";
import { pause } from "../support/waits.ts";

/**
 * Opens a log, and tells what was written and how it has failed.
 *
 * @param refuse whether a write fails, by its number from 1 on
 */
function openLog(
  refuse: (write: number) => Error | undefined = () => undefined,
  maxWriteBytes = Infinity,
) {
  const writes: string[] = [], failures: string[] = [];
  const output = {
    write(bytes: Uint8Array) {
      writes.push(new TextDecoder().decode(bytes));
      const error = refuse(writes.length);
      return error ? Promise.reject(error) : Promise.resolve(bytes.length);
    },
  };
  const log = lineLog(output, {
    maxWriteBytes,
    onDropped: (lines) => `dropped: ${lines}`,
    onFailure: (reason) => void failures.push(reason),
  });
  return { log, writes, failures };
}

/** Writes lines, each when the one before it is written or lost without being waited for. */
async function writeEach(log: LineLog, lines: readonly string[]): Promise<void> {
  for (const line of lines) {
    log.line(line);
    assert.equal(await log.flush(1_000), 0);
  }
}

Deno.test("a full disk ends a log with one line, and nothing is written after it", async () => {
  const { log, writes, failures } = openLog((write) => write > 1 ? new Error("full") : undefined);
  await writeEach(log, ["written", "lost", "not tried"]);
  assert.deepEqual(writes, ["written\n", "lost\n"]);
  assert.deepEqual(failures, ["cannot write the output: full"]);
});

Deno.test("after its reader has gone nothing more is written, and that is no failure", async () => {
  const { log, writes, failures } = openLog(() => new Deno.errors.BrokenPipe());
  await writeEach(log, ["lost", "lost", "lost"]);
  assert.deepEqual([writes.length, failures], [1, []]);
});

Deno.test("where processes share a stream, a write holds whole lines in at most 4096 bytes", async () => {
  const { log, writes, failures } = openLog(undefined, PIPE_BUF);
  const lines = Array.from({ length: 500 }, (_, index) => `${index} ${"ы".repeat(index % 200)}`);
  lines.splice(250, 0, "z".repeat(2 * PIPE_BUF));
  for (const line of lines) log.line(line);
  assert.equal(await log.flush(1_000), 0);
  assert.deepEqual([writes.join(""), failures], [lines.join("\n") + "\n", []]);
  for (const text of writes) {
    assert.ok(text.endsWith("\n"));
    const bytes = new TextEncoder().encode(text).length;
    assert.ok(bytes <= PIPE_BUF || text === "z".repeat(2 * PIPE_BUF) + "\n", `${bytes} bytes`);
  }
});

Deno.test("a line that comes at the very end of a write is written too", async () => {
  for (let microtasks = 0; microtasks < 30; microtasks++) {
    const { log, writes, failures } = openLog();
    log.line("one");
    while (writes.length === 0) await pause(0);
    // It ends the pause after the write.
    const flushed = log.flush(1_000);
    for (let count = 0; count < microtasks; count++) await null;
    log.line("two");
    await flushed;
    await log.flush(1_000);
    const all = [writes.join(""), failures];
    assert.deepEqual(all, ["one\ntwo\n", []], `${microtasks} microtasks after the pause`);
  }
});

Deno.test("a line that is too long for the log is dropped and counted, and the next is written", async () => {
  const { log, writes, failures } = openLog();
  await writeEach(log, ["x".repeat(2 ** 20), "short"]);
  assert.deepEqual([writes.join(""), failures], ["dropped: 1\nshort\n", []]);
});
