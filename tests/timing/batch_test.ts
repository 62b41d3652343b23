/** How much a batch holds: no more than is read of its results, however many names there are. */
import assert from "node:assert/strict";
import { linuxServeTest, posixServeTest, spawnUsersvc, startUsersvc } from "../support/program.ts";
import { greetings, names } from "../support/calls.ts";
import { pause } from "../support/waits.ts";
import { MEASURED, runExamples } from "../support/examples.ts";

linuxServeTest("memory does not grow with the number of names", async ({ port }) => {
  const call = startUsersvc(["call", "-", "--port", `${port}`], { stdin: "piped" });
  const send = async (count: number, from: number) => {
    await Promise.all([
      call.feed(`${names(count, from).join("\n")}\n`),
      call.stdout.lines(from + count),
    ]);
    return await memoryPeak(call.pid);
  };
  const early = await send(10_000, 0);
  const late = await send(40_000, 10_000);
  assert.ok(late - early < 48 << 20, `${early >> 20} MB, then ${late >> 20} MB`);
  await call.endInput();
  const { code, stdout } = await call.ended();
  assert.deepEqual([code, stdout === greetings(names(50_000))], [0, true]);
});

/** The largest resident memory that a process has had, in bytes. */
async function memoryPeak(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)![1]) * 1024;
}

posixServeTest("calls wait for a slow reader of their results", async (server) => {
  const usernames = names(20_000).map((username) => username.padEnd(250, "x"));
  const child = spawnUsersvc(["call", "-", "--port", `${server.port}`], { stdin: "piped" });
  const stdin = child.stdin.getWriter();
  const written = stdin.write(new TextEncoder().encode(usernames.join("\n"))).then(() =>
    stdin.close()
  );
  const calls = () => server.stdout.text.split("\n").length;
  // Nothing tells that something does not happen.
  let before = 0;
  do {
    before = calls();
    await pause(1_000);
  } while (before < 1_000 || calls() > before);
  assert.ok(before < 5_000, `${before} calls for a reader that has read nothing`);
  const { code, stdout } = await child.output();
  await written;
  assert.equal(code, 0);
  assert.ok(new TextDecoder().decode(stdout) === greetings(usernames));
});

posixServeTest("names that come late make no call late", async ({ port }) => {
  const args = ["call", "-", "--port", `${port}`, "--rate", "100"];
  const call = startUsersvc(args, { stdin: "piped" });
  for (const name of ["a", "b", "c"]) {
    await call.feed(`${name}\n`);
    await call.stdout.until(new RegExp(`${name}!`));
    await pause(300);
  }
  await call.endInput();
  const { code, stderr } = await call.ended();
  assert.deepEqual([code, stderr], [0, ""]);
});

posixServeTest(
  "the examples of its help that measure work as they are",
  ({ port }) => runExamples(port, ({ command }) => MEASURED.test(command)),
);
