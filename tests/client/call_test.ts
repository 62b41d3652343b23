import assert from "node:assert/strict";
import {
  posixServeTest,
  serveTest,
  shell,
  shellCommand,
  shellOnTerminal,
  usersvc,
} from "../support/program.ts";
import { closedPort } from "../support/tcp_peer.ts";

serveTest(
  "the address comes from --address, then USERSVC_ADDRESS; --port replaces its port",
  async ({ port }) => {
    const closed = await closedPort();
    const ways: [args: string[], env: Record<string, string>][] = [
      [["--port", `${port}`], {}],
      [["--address", `localhost:${port}`], {}],
      [["--address", `localhost:${port}`], { USERSVC_ADDRESS: `localhost:${closed}` }],
      [[], { USERSVC_ADDRESS: `localhost:${port}` }],
      [["--port", `${port}`], { USERSVC_ADDRESS: `localhost:${closed}` }],
      [["--port", `${port}`, "--address", "localhost"], {}],
      [["--port", `${port}`], { USERSVC_ADDRESS: "" }],
    ];
    for (const [args, env] of ways) {
      const result = await usersvc(["call", "Alice", ...args], { env });
      assert.deepEqual(result, { code: 0, stdout: "Привет, Alice!\n", stderr: "" });
    }
  },
);

serveTest("-- ends the flags, numbers stay text, an empty name is sent", async ({ port }) => {
  const flags = ["--port", `${port}`];
  const greeted: [args: string[], name: string][] = [
    [["call", ...flags, "--", "--help"], "--help"],
    [["call", ...flags, "--", "-x"], "-x"],
    [["call", "007", ...flags], "007"],
    [["call", "1e3", ...flags], "1e3"],
    [["call", "true", ...flags], "true"],
  ];
  for (const [args, name] of greeted) {
    assert.equal((await usersvc(args)).stdout, `Привет, ${name}!\n`);
  }
  assert.equal((await usersvc(["call", "", ...flags])).code, 67);
});

// Of a full disk tests/batch/batch_test.ts tells.
posixServeTest("stdout that has been closed is no error", async ({ port }) => {
  const call = shellCommand(`call Alice --port ${port}`);
  const piped = await shell(`set -o pipefail; ${call} | true`);
  assert.deepEqual(piped, { code: 0, stdout: "", stderr: "" });
});

posixServeTest(
  "control characters of an answer are escaped on a terminal only",
  async ({ port }) => {
    const call = shellCommand(`call --port ${port} -- $'a\\x1b[2Jb'`);
    assert.equal((await shell(call)).stdout, "Привет, a\x1b[2Jb!\n");
    const shown = (await shellOnTerminal(call)).stdout;
    assert.ok(shown.endsWith("Привет, a\\x1b[2Jb!\n"), JSON.stringify(shown));
  },
);
