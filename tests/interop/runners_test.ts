/** Tests of Go, a shell and a terminal end as none should: no server outlives them. */
import assert from "node:assert/strict";
import type { Running } from "../../tools/programs.ts";
import { goModule, goProgram } from "../support/go.ts";
import {
  linuxTest,
  type Result,
  shellCommand,
  startProgram,
  startUsersvc,
} from "../support/program.ts";
import { inTime, until, within } from "../support/waits.ts";

/** How long a server may last after the program that it was there for, in milliseconds. */
const MAX_LEFT_MS = 2_000;

/** The tests of tests/go/runners/, and with which exit code each ends: 128 and more are signals. */
const ENDS = {
  TestPanics: 2,
  TestPanicsElsewhere: 2,
  TestExits: 3,
  TestIsKilled: 128 + 9,
  TestIsTerminated: 128 + 15,
};

/** The processes in whose command line a text is. */
async function named(text: string): Promise<number[]> {
  const pids: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    const line = await Deno.readTextFile(`/proc/${name}/cmdline`).catch(() => "");
    if (/^\d+$/.test(name) && line.includes(text)) pids.push(Number(name));
  }
  return pids;
}

/**
 * Runs a program to its end, and checks that its server is soon gone.
 *
 * @param start takes a name for the server, which is in the command line of nothing else
 * @param end ends the program, where it does not end by itself
 */
async function leavingNothing(
  start: (server: string) => Running,
  end: (runner: Running) => Promise<void> = () => Promise.resolve(),
): Promise<Result> {
  const server = `runner-${crypto.randomUUID()}`;
  const runner = start(server);
  try {
    await end(runner);
    await inTime("end of the runner", runner.exitCode);
    const isGone = async () => (await named(server)).length === 0;
    await within(MAX_LEFT_MS, "end of the server", until("no server is left", isGone));
  } finally {
    for (const pid of await named(server)) Deno.kill(pid, "SIGKILL");
  }
  return await runner.ended();
}

function serveWhile(...command: string[]): Promise<Result> {
  return leavingNothing((server) =>
    startUsersvc(["serve", "--instance", server, "--", ...command])
  );
}

const heldServer = (server: string) =>
  shellCommand(`serve --port 0 --until-stdin-closes --instance ${server}`);

const goTests = () => goProgram("runners", ["test", "-c"]);

for (const [name, ended] of Object.entries(ENDS)) {
  linuxTest(`no server is left of serve -- COMMAND: ${name}`, async () => {
    const { code, stderr } = await serveWhile(await goTests(), "-test.run", `^${name}$`);
    assert.equal(code, ended, stderr);
    assert.match(stderr, /: the command has ended \([^]*: drained, every call has finished\n$/);
  });

  linuxTest(`no server is left of serve --until-stdin-closes: ${name}`, async () => {
    const program = await goTests();
    const { code, stderr } = await leavingNothing((server) =>
      startProgram("env", [`SERVE=${heldServer(server)}`, program, "-test.run", `^${name}$`])
    );
    assert.equal(code, ended, stderr);
    assert.match(stderr, /: stdin has closed: draining, /);
  });
}

linuxTest("no server is left of serve -- go test", async () => {
  const go = ["go", "test", "-C", goModule, "-run", "^TestPanics$", "./runners"];
  const { code, stdout } = await serveWhile(...go);
  assert.equal(code, 1);
  assert.match(stdout, /^panic: on purpose[^]*^FAIL\t/m);
});

linuxTest("no server is left of a shell that is killed beside its coprocess", async () => {
  const { code, stdout, stderr } = await leavingNothing((server) => {
    const talk = 'read -r started <&"${COPROC[0]}"; echo "$started"; kill -KILL $$';
    return startProgram("bash", ["-c", `coproc ${heldServer(server)}; ${talk}`]);
  });
  assert.equal(code, 128 + 9, stderr);
  assert.match(stdout, /^gRPC сервер запущен на порту \d+\.\.\.\n$/);
  assert.match(stderr, /: stdin has closed: draining, /);
});

linuxTest("no server is left of a terminal that is closed", async () => {
  const serve = (server: string) => shellCommand(`serve --instance ${server} -- sleep 600`);
  await leavingNothing(
    (server) => startProgram("script", ["-qec", serve(server), "/dev/null"]),
    async ({ stdout, kill }) => {
      await stdout.until(/^gRPC сервер запущен на порту /);
      kill("SIGKILL");
    },
  );
});
