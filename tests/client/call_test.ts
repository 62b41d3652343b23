import assert from "node:assert/strict";
import type { Socket } from "node:net";
import {
  posixServeTest,
  programTest,
  serveTest,
  shell,
  shellCommand,
  shellOnTerminal,
  usersvc,
} from "../support/program.ts";
import { closedPort, withPeer } from "../support/tcp_peer.ts";

programTest("no server: UNAVAILABLE, the address, the command that starts one", async () => {
  const port = await closedPort();
  for (const host of ["localhost", "127.0.0.1", "[::1]"]) {
    assert.deepEqual(
      await usersvc(["call", "Alice", "--address", `${host}:${port}`]),
      {
        code: 78,
        stdout: "",
        stderr: `usersvc call: UNAVAILABLE from ${host}:${port}: connection refused; ` +
          `start a server with: usersvc serve --port ${port}\n`,
      },
    );
  }
});

programTest("an unknown host: UNAVAILABLE, with a word about the name", async () => {
  assert.deepEqual(
    await usersvc(["call", "Alice", "--address", "no-such-host.invalid"]),
    {
      code: 78,
      stdout: "",
      stderr:
        "usersvc call: UNAVAILABLE from no-such-host.invalid:50051: unknown host, check the name\n",
    },
  );
});

programTest(
  "a server that never answers: DEADLINE_EXCEEDED when the deadline is over",
  () =>
    withPeer(() => {}, async (port) => {
      const start = Date.now();
      const result = await usersvc(["call", "Alice", "--port", `${port}`, "--timeout", "300ms"]);
      assert.deepEqual(result, {
        code: 68,
        stdout: "",
        stderr:
          `usersvc call: DEADLINE_EXCEEDED from localhost:${port}: no HTTP/2 connection within 300 ms\n`,
      });
      assert.ok(Date.now() - start < 20_000);
    }),
);

programTest("a peer that is no gRPC server: UNAVAILABLE in words, no stack", async () => {
  const peers: [string, (socket: Socket) => void][] = [
    ["closes", (socket) => socket.end()],
    ["speaks HTTP/1.1", (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")],
    ["resets", (socket) => socket.resetAndDestroy()],
  ];
  for (const [what, onConnection] of peers) {
    await withPeer(onConnection, async (port) => {
      const { code, stdout, stderr } = await usersvc(["call", "Alice", "--port", `${port}`]);
      assert.deepEqual([code, stdout], [78, ""], `${what}: ${stderr}`);
      assert.match(stderr, /^usersvc call: UNAVAILABLE from localhost:\d+: [^\n]+\n$/, what);
    });
  }
});

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

posixServeTest("stdout that has been closed is no error; a full disk is", async ({ port }) => {
  const call = shellCommand(`call Alice --port ${port}`);
  assert.deepEqual(await shell(`set -o pipefail; ${call} | true`), {
    code: 0,
    stdout: "",
    stderr: "",
  });
  if (Deno.build.os !== "linux") return;
  const full = await shell(`${call} > /dev/full`);
  assert.equal(full.code, 1);
  assert.match(full.stderr, /^usersvc call: cannot write the output: [^\n]+\n$/);
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
