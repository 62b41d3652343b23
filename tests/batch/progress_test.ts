/** What a batch shows of itself on a terminal, and how it leaves it. */
import assert from "node:assert/strict";
import {
  linuxTest,
  shellCommand,
  type Transcript,
  withFolder,
  withServe,
} from "../support/program.ts";
import { withTerminal } from "../support/terminal.ts";

const xterm = { TERM: "xterm" };
/** What is drawn again and again in one line. */
const DRAWN = /\d+ of 60 calls/;

/** A batch that takes some three seconds; its results go elsewhere. */
function batch(port: number, names = "$(seq 60)"): string {
  const call = shellCommand(`call ${names} --concurrency 2 --port ${port}`);
  return `${call} > /dev/null`;
}

/** The same as a line of the shell that `withTerminal` starts. */
function inBash(line: string): string {
  return `bash -c '${line.replaceAll("'", `'\\''`)}'`;
}

/** Gives a test a server that takes its time. */
function withSlowServe(use: (port: number) => Promise<void>): Promise<void> {
  return withServe(({ port }) => use(port), ["--delay", "100ms"]);
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

linuxTest(
  "a progress line that is killed leaves the terminal as it was",
  () =>
    withSlowServe((port) =>
      withTerminal(
        inBash(`echo pid $$.; exec ${batch(port)}`),
        async ({ screen }) => {
          const [, pid] = await screen.until(/pid (\d+)\./);
          await screen.until(DRAWN);
          Deno.kill(Number(pid), "SIGKILL");
          await screen.all();
          assertLeavesNoMode(screen);
        },
        xterm,
      )
    ),
);

linuxTest(
  "a progress line that is stopped leaves the terminal as it was, and goes on",
  () =>
    withSlowServe((port) =>
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
      })
    ),
);

linuxTest(
  "a second Ctrl-C ends a batch whose results nobody takes, and its progress line",
  () =>
    withFolder((folder) =>
      withServe(({ port }) => {
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
            await new Promise((resolve) => setTimeout(resolve, 200));
          }
          assert.equal(shownAtEnd(screen.text), "");
        }, xterm);
      })
    ),
);

linuxTest(
  "a batch that ends by time shows how much of it is left",
  () =>
    withSlowServe((port) =>
      withTerminal(inBash(batch(port, "A --duration 2500ms")), async ({ screen }) => {
        const lines = shownLines(await screen.all());
        assert.ok(
          lines.some((line) => /^\[=+-+\] \d+ calls, 0 failed, \d+\/s, [12]s left$/.test(line)),
          JSON.stringify(lines),
        );
        assert.match(lines.at(-1)!, /^usersvc call: \d+ calls in \d\.\d s, 0 failed; latency p50 /);
      }, xterm)
    ),
);

linuxTest(
  "a terminal that understands no escape codes is sent none, and the summary",
  () =>
    withSlowServe((port) =>
      withTerminal(inBash(batch(port)), async ({ screen }) => {
        assert.match(
          (await screen.all()).replaceAll("\r", ""),
          /^usersvc call: 60 calls in \d+\.\d s, 0 failed; latency p50 [\w ,.]+\n$/,
        );
      }, { TERM: "dumb" })
    ),
);

linuxTest("progress and summary fit a terminal of any width", () =>
  withSlowServe(async (port) => {
    for (
      const [width, shown] of [[20, /^\d+ of 60 calls$/], [80, /^\[=+-+\] \d+ of 60 /]] as const
    ) {
      await withTerminal(
        inBash(batch(port)),
        async ({ screen }) => {
          const lines = shownLines(await screen.all());
          assert.ok(lines.some((line) => shown.test(line)), JSON.stringify(lines));
          assert.deepEqual(lines.filter((line) => line.length > width), []);
          const summary = lines.slice(lines.findIndex((line) => line.startsWith("usersvc")));
          assert.match(
            summary.join(" "),
            /^usersvc call: 60 calls in [\d.]+ s, 0 failed; latency p50 \S+ ms, p95 \S+ ms, p99 \S+ ms$/,
          );
        },
        xterm,
        width,
      );
    }
  }));

linuxTest(
  "how many names a file has is known from the first progress line",
  () =>
    withSlowServe(async (port) => {
      const file = await Deno.makeTempFile();
      await Deno.writeTextFile(file, Array.from({ length: 60 }, (_, i) => `${i}\n`).join(""));
      await withTerminal(
        inBash(batch(port, `--file ${file}`)),
        async ({ screen }) => {
          const lines = shownLines(await screen.all());
          assert.match(lines[0]!, /^\[=*-+\] \d+ of 60 calls, 0 failed, /);
        },
        xterm,
      );
      await Deno.remove(file);
    }),
);

linuxTest(
  "a progress line follows the width of a terminal",
  () =>
    withSlowServe((port) =>
      withTerminal(
        // It narrows the terminal once something has been drawn.
        inBash(`(read -r; stty cols 30; echo narrow) < /dev/tty & exec ${batch(port)}`),
        async ({ type, screen }) => {
          await screen.until(DRAWN);
          await type("\n");
          const [wide = "", narrow = ""] = (await screen.all()).split("narrow");
          assert.ok(shownLines(wide).some((line) => line.length > 40), wide);
          const lines = shownLines(narrow);
          assert.ok(lines.some((line) => DRAWN.test(line)), narrow);
          assert.deepEqual(lines.filter((line) => line.length > 30), []);
        },
        xterm,
      )
    ),
);

linuxTest(
  "a terminal that does not say how wide it is gets a line of 80",
  () =>
    withSlowServe((port) =>
      withTerminal(
        inBash(batch(port)),
        async ({ screen }) => {
          const lines = shownLines(await screen.all());
          assert.ok(lines.some((line) => /^\[=+-+\] \d+ of 60 /.test(line)), JSON.stringify(lines));
          assert.match(lines.at(-1)!, /^usersvc call: 60 calls in .*, p99 \S+ ms$/);
        },
        xterm,
        0,
      )
    ),
);
