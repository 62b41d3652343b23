/** What a batch shows of itself on a terminal, and how it leaves it. */
import assert from "node:assert/strict";
import { linuxServeTest, shellCommand, type Transcript, withFolder } from "../support/program.ts";
import { type Terminal, withTerminal } from "../support/terminal.ts";
import { pause } from "../support/waits.ts";

/** What is drawn again and again in one line. */
const DRAWN = /\d+ of 60 calls/;

/** A batch that takes some three seconds; its results go elsewhere. */
function batch(port: number): string {
  return batchOf("$(seq 60)", port);
}

function batchOf(names: string, port: number): string {
  return `${shellCommand(`call ${names} --concurrency 2 --port ${port}`)} > /dev/null`;
}

/** The same as a line of the shell that `withTerminal` starts. */
function inBash(line: string): string {
  return `bash -c '${line.replaceAll("'", `'\\''`)}'`;
}

/**
 * A test of a line of bash on a terminal, beside a server that takes its time.
 *
 * @param lineOf the line, of the server's port; a batch by default
 */
function progressTest(
  name: string,
  use: (terminal: Terminal) => Promise<void>,
  { lineOf = batch, env = { TERM: "xterm" }, columns }: {
    readonly lineOf?: (port: number) => string;
    readonly env?: Record<string, string>;
    readonly columns?: number;
  } = {},
): void {
  linuxServeTest(
    name,
    ({ port }) => withTerminal(inBash(lineOf(port)), use, env, columns),
    ["--delay", "100ms"],
  );
}

/** What stands in each line of a terminal, at some time. */
function shownLines(text: string): string[] {
  // deno-lint-ignore no-control-regex
  return text.split(/[\r\n]|\x1b\[\d*[GKJ]/).filter((line) => line !== "");
}

/** What stands in the last line of a terminal at the end. */
function shownAtEnd(text: string): string {
  return text.slice(text.lastIndexOf("\x1b[K") + 3).replace(/^.*[\r\n]/s, "");
}

/** Asserts that nothing was changed that outlives the program: wrapping, the cursor, its place. */
function assertLeavesNoMode({ text }: Transcript): void {
  // deno-lint-ignore no-control-regex
  assert.deepEqual(text.match(/\x1b(?!\[\d*[GKJ])[^]{0,5}/g), null);
}

progressTest("a progress line that is killed leaves the terminal as it was", async ({ screen }) => {
  const [, pid] = await screen.until(/pid (\d+)\./);
  await screen.until(DRAWN);
  Deno.kill(Number(pid), "SIGKILL");
  await screen.all();
  assertLeavesNoMode(screen);
}, { lineOf: (port) => `echo pid $$.; exec ${batch(port)}` });

linuxServeTest(
  "a progress line that is stopped leaves the terminal as it was, and goes on",
  ({ port }) =>
    withTerminal("bash --norc --noprofile", async ({ type, screen }) => {
      // bash itself changes modes of a terminal that is not dumb.
      await type(`TERM=xterm; ${batch(port)}\n`);
      await screen.until(DRAWN);
      await type("\x1a");
      await screen.until(/Stopped/);
      const before = screen.text.length;
      await type("fg\n");
      const [, done] = await screen.until(/usersvc call: (\d+) calls in [^\n]*\n/);
      assert.equal(done, "60");
      assert.match(screen.text.slice(before), DRAWN);
      assertLeavesNoMode(screen);
    }),
  ["--delay", "100ms"],
);

linuxServeTest(
  "a second Ctrl-C ends a batch whose results nobody takes, and its progress line",
  ({ port }) =>
    withFolder((folder) => {
      const call = shellCommand(`call ${"x".repeat(250)} --repeat 100000 --port ${port}`);
      // It opens both ends of the pipe, and reads nothing.
      const line = `mkfifo ${folder}/pipe; exec ${call} 3<> ${folder}/pipe > ${folder}/pipe`;
      return withTerminal(inBash(line), async ({ type, screen }) => {
        await screen.until(/\d+ of 100000 calls/);
        let ended = false;
        void screen.all().then(() => ended = true);
        // Two signals that come at once are one.
        while (!ended) {
          await type("\x03").catch(() => {});
          await pause(200);
        }
        assert.equal(shownAtEnd(screen.text), "");
      }, { TERM: "xterm" });
    }),
);

progressTest("a batch that ends by time shows how much of it is left", async ({ screen }) => {
  const lines = shownLines(await screen.all());
  const left = /^\[=+-+\] \d+ calls, 0 failed, \d+\/s, [12]s left$/;
  assert.ok(lines.some((line) => left.test(line)), JSON.stringify(lines));
  assert.match(lines.at(-1)!, /^usersvc call: \d+ calls in \d\.\d s, 0 failed; latency p50 /);
}, { lineOf: (port) => batchOf("A --duration 2500ms", port) });

progressTest(
  "a terminal that understands no escape codes is sent none, and the summary",
  async ({ screen }) => {
    assert.match(
      (await screen.all()).replaceAll("\r", ""),
      /^usersvc call: 60 calls in \d+\.\d s, 0 failed; latency p50 [\w ,.]+\n$/,
    );
  },
  { env: { TERM: "dumb" } },
);

/** How wide a terminal is, 0 where it does not say, and what is shown on it. */
const WIDTHS: [columns: number, shown: RegExp][] = [
  [0, /^\[=+-+\] \d+ of 60 /],
  [20, /^\d+ of 60 calls$/],
  [80, /^\[=+-+\] \d+ of 60 /],
];

for (const [columns, shown] of WIDTHS) {
  progressTest(`progress and summary fit a terminal of ${columns} columns`, async ({ screen }) => {
    const lines = shownLines(await screen.all());
    assert.ok(lines.some((line) => shown.test(line)), JSON.stringify(lines));
    assert.deepEqual(lines.filter((line) => line.length > (columns || Infinity)), []);
    const summary = lines.slice(lines.findIndex((line) => line.startsWith("usersvc")));
    assert.match(
      summary.join(" "),
      /^usersvc call: 60 calls in [\d.]+ s, 0 failed; latency p50 \S+ ms, p95 \S+ ms, p99 \S+ ms$/,
    );
  }, { columns });
}

progressTest(
  "how many names a file has is known from the first progress line",
  async ({ screen }) => {
    assert.match(shownLines(await screen.all())[0]!, /^\[=*-+\] \d+ of 60 calls, 0 failed, /);
  },
  { lineOf: (port) => `f=$(mktemp); seq 60 > $f; ${batchOf("--file $f", port)}; rm $f` },
);

progressTest("a progress line follows the width of a terminal", async ({ type, screen }) => {
  await screen.until(DRAWN);
  await type("\n");
  const [wide = "", narrow = ""] = (await screen.all()).split("narrow");
  assert.ok(shownLines(wide).some((line) => line.length > 40), wide);
  const lines = shownLines(narrow);
  assert.ok(lines.some((line) => DRAWN.test(line)), narrow);
  assert.deepEqual(lines.filter((line) => line.length > 30), []);
}, {
  // It narrows the terminal once something has been drawn.
  lineOf: (port) => `(read -r; stty cols 30; echo narrow) < /dev/tty & exec ${batch(port)}`,
});
