/** A machine that lacks something: one line says what, as far as it can be known beforehand. */
import { shellWord } from "../../src/text/escape.ts";
import assert from "node:assert/strict";
import { oneCall } from "../support/one_call.ts";
import {
  linuxServeTest,
  linuxTest,
  posixTest,
  type Result,
  shell,
  shellCommand,
  startServe,
  usersvc,
  withServe,
} from "../support/program.ts";

for (
  const { name, args, few, enough } of [
    { name: "one process", args: [], few: 26, enough: 64 },
    { name: "two workers", args: ["--workers", "2"], few: 64, enough: 128 },
  ]
) {
  linuxTest(`too few file descriptors are one line, enough are enough (${name})`, async () => {
    await assert.rejects(
      startServe(args, ["-n", `${few}`]),
      /exit code 1: usersvc serve: too few file descriptors: \d+ have to be free .*; allow more \(ulimit -n 1024\)\n$/,
    );
    await withServe(
      async ({ port }) => {
        for (let count = 0; count < 3; count++) {
          assert.equal(await oneCall(port, 15_000), "answered");
        }
      },
      args,
      ["-n", `${enough}`],
    );
  });
}

linuxServeTest(
  "too few file descriptors to connect are one line, enough are enough",
  async ({ port }) => {
    for (const command of ["call A", "call A B", "check"]) {
      const line = `${shellCommand(command)} --port ${port}`;
      const { code, stdout, stderr } = await shell(`ulimit -n 24; ${line}`);
      assert.deepEqual([code, stdout], [1, ""], stderr);
      assert.match(
        stderr,
        /^usersvc \w+: too few file descriptors: 8 have to be free to connect; .*\n$/,
      );
      assert.equal((await shell(`ulimit -n 64; ${line}`)).code, 0);
    }
  },
);

linuxTest("too few file descriptors for a socket file are one line", async () => {
  const { code, stderr } = await shell(
    `ulimit -n 200; ${shellCommand("serve --unix /nowhere/usersvc.sock")}`,
  );
  assert.equal(code, 1);
  assert.match(stderr, /^usersvc serve: too few file descriptors: 241 have to be free .*\n$/);
});

const FOLDER_FAULT = (fault: string) => ({
  code: 1,
  stdout: "",
  stderr: "usersvc serve: a worker cannot be started: the folder for temporary files, " +
    `TMPDIR or else /tmp, ${fault}; set TMPDIR to one that can be written\n`,
});

for (
  const [folder, fault] of [
    ["/nowhere/tmp", "does not exist"],
    ["/dev/null", "is not a folder"],
  ] as const
) {
  posixTest(`where the folder for temporary files ${fault}, workers say so`, async () => {
    const args = ["serve", "--port", "0", "--workers", "2"];
    assert.deepEqual(await usersvc(args, { env: { TMPDIR: folder } }), FOLDER_FAULT(fault));
  });
}

/** Runs a line of shell that mounts what it likes, without effect on others; `$d` is a folder. */
async function inNamespace(line: string): Promise<Result> {
  return await shell(
    `d=$(mktemp -d); d=$d unshare -rm bash -c ${
      shellWord(`mount --make-rprivate / && ${line}`)
    }; ` +
      "code=$?; rmdir $d; exit $code",
  );
}

/** A {@linkcode linuxTest} of mounts, which not every user may make. */
function mountTest(name: string, fn: () => Promise<void>): void {
  linuxTest(name, async () => {
    if ((await inNamespace("true")).code === 0) await fn();
    else console.log("not tested: this user may not mount");
  });
}

mountTest("where the folder for temporary files cannot be written, workers say so", async () => {
  assert.deepEqual(
    await inNamespace(
      "mount --bind $d $d && mount -o remount,bind,ro $d && " +
        `TMPDIR=$d ${shellCommand("serve --port 0 --workers 2")}`,
    ),
    FOLDER_FAULT("cannot be written"),
  );
});

mountTest("without /proc, which Deno needs to connect, it is one line", async () => {
  const hidden = (args: string) => inNamespace(`mount --bind $d /proc && ${shellCommand(args)}`);
  for (const args of ["call Alice", "check", "serve --port 0", "serve --port 0 --workers 2"]) {
    const { code, stdout, stderr } = await hidden(args);
    assert.deepEqual({ code, stdout }, { code: 1, stdout: "" }, stderr);
    assert.match(
      stderr,
      /^usersvc (call|check|serve): there is no \/proc here, .*; mount it: .*\n$/,
    );
  }
  assert.match((await hidden("proto")).stdout, /syntax = "proto3"/);
});
