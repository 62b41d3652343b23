import assert from "node:assert/strict";
import { call, GREETED } from "../support/calls.ts";
import { withGrpcPeer } from "../support/grpc_peer.ts";
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

serveTest("metadata that is too large is told with the server's limit", async ({ port }) => {
  const header = `x: ${"a".repeat(70_000)}`;
  const { code, stderr } = await call(`localhost:${port}`, "-H", header);
  assert.equal(code, 72);
  assert.equal(
    stderr,
    `usersvc call: RESOURCE_EXHAUSTED from localhost:${port}: the metadata is too large: it has ` +
      "70033 bytes, of 65536 that the server takes for all headers (32 more for each)\n",
  );
  const many = Array.from({ length: 130 }, (_, index) => ["-H", `x${index}: 1`]).flat();
  const refused = await call(`localhost:${port}`, ...many);
  assert.match(refused.stderr, /: the server refused it as too much \(ENHANCE_YOUR_CALM\)\n$/);
});

programTest(
  "--header sends metadata, more than one of a name, and bytes",
  () =>
    withGrpcPeer(undefined, async ({ port, calls }) => {
      const headers = ["-H", "x-a: 1", "--header", "X-A:2", "-H", "x-b-bin: AP8"];
      assert.equal((await call(`localhost:${port}`, ...headers)).stdout, "hello\n");
      assert.deepEqual(calls[0]?.get("x-a"), ["1, 2"]);
      assert.deepEqual(calls[0]?.get("x-b-bin").map(String), [String.fromCharCode(0) + "\ufffd"]);
    }),
);

serveTest("--verbose shows metadata, the peer and timing on stderr", async ({ port }) => {
  const flags = ["-v", "-H", "x-a: b", "-H", "x-bin: AAE"];
  const { code, stdout, stderr } = await call(`127.0.0.1:${port}`, ...flags);
  assert.deepEqual([code, stdout], [0, GREETED.stdout]);
  const lines = [
    `\\* target dns:127\\.0\\.0\\.1:${port}`,
    "\\* connected after \\d+\\.\\d ms",
    "> /userservice\\.UserService/GetUser",
    "> header x-a: b",
    "> header x-bin: AAE=",
    "< header content-type: application/grpc\\+proto",
    `< peer 127\\.0\\.0\\.1:${port}`,
    "< OK after \\d+\\.\\d ms",
  ];
  assert.match(stderr, new RegExp(`^${lines.join("\n")}\n$`));
  const failed = await usersvc(["call", "", "--port", `${port}`, "--verbose"]);
  assert.match(failed.stderr, /^< trailer grpc-status-details-bin: [\w+/]+=*$/m);
  assert.match(failed.stderr, /^< INVALID_ARGUMENT after /m);
});

programTest(
  "what a peer sends cannot write to the terminal through --verbose",
  () =>
    withPeer((socket) => socket.end("\x1b[2J\r\n"), async (port) => {
      const { stderr } = await call(`127.0.0.1:${port}`, "--verbose");
      // deno-lint-ignore no-control-regex
      assert.doesNotMatch(stderr, /[\x00-\x09\x0b-\x1f]/);
    }),
);
