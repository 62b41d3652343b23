import assert from "node:assert/strict";
import type { ConnectionOptions } from "../../src/client/connection_options.ts";
import { parseTarget } from "../../src/client/target.ts";
import { withGrpcPeer } from "../support/grpc_peer.ts";
import {
  posixTest,
  programTest,
  type Result,
  serveTest,
  shell,
  shellCommand,
  startUsersvc,
  usersvc,
  withFolder,
  withServe,
} from "../support/program.ts";
import { closedPort, withPeer } from "../support/tcp_peer.ts";

const GREETED: Result = { code: 0, stdout: "Привет, Alice!\n", stderr: "" };

async function call(address: string, ...flags: string[]): Promise<Result> {
  return await usersvc(["call", "Alice", "--address", address, ...flags]);
}

serveTest("a server is reached by each form of gRPC's target names", async ({ port }) => {
  const absent = await closedPort();
  const addresses = [
    `dns:localhost:${port}`,
    `dns:///localhost:${port}`,
    `ipv4:127.0.0.1:${port}`,
    `ipv4:127.0.0.1:${absent},127.0.0.1:${port}`,
    `ipv6:[::1]:${port}`,
  ];
  for (const address of addresses) assert.deepEqual(await call(address), GREETED, address);
  assert.deepEqual(await call("ipv4:127.0.0.1:1", "--port", `${port}`), GREETED);
});

posixTest("unix: reaches a socket file", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/s`;
    const absent = await call(`unix:${path}`);
    assert.deepEqual([absent.code, absent.stdout], [78, ""]);
    assert.equal(
      absent.stderr,
      `usersvc call: UNAVAILABLE from unix:${path}: no such socket file; start a server with: ` +
        `usersvc serve --unix ${path}\n`,
    );
    await withServe(async () => {
      // Longer than the second after which a server on a port is told to listen again.
      const end = Date.now() + 1_500;
      do {
        for (const address of [`unix:${path}`, `unix://${path}`]) {
          assert.deepEqual(await call(address), GREETED, address);
        }
      } while (Date.now() < end);
    }, ["--unix", path]);
  });
});

posixTest("unix: says what is no socket file, and advises no server there", async () => {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "");
    const paths: [path: string, reason: string][] = [
      [folder, "it is a directory, not a socket file"],
      [`${folder}/file`, "it is not a socket file"],
      [`${folder}/file/s`, "a part of its path is no directory"],
      [`${folder}/${"s".repeat(108)}`, "the path is too long for a socket file"],
    ];
    for (const [path, reason] of paths) {
      const failed = await call(`unix:${path}`);
      assert.deepEqual([failed.code, failed.stdout], [78, ""]);
      assert.equal(failed.stderr, `usersvc call: UNAVAILABLE from unix:${path}: ${reason}\n`);
    }
  });
});

programTest("calls to a list of addresses go to each in turn", () =>
  withGrpcPeer(
    undefined,
    (one) =>
      withGrpcPeer(undefined, (two) =>
        withGrpcPeer(undefined, async (three) => {
          const peers = [one, two, three];
          const { openUserClient } = await import("../../src/client/user_client.ts");
          const client = await openUserClient(
            connection(`ipv4:${peers.map(({ port }) => `127.0.0.1:${port}`).join(",")}`),
          );
          const ready = () => peers.every(({ calls }) => calls.length > 0);
          // A server whose connection is not open yet is left out.
          while (!ready()) await client.getUser("Alice", { timeoutMs: 5_000 });
          const before = peers.map(({ calls }) => calls.length);
          for (let i = 0; i < 30; i++) await client.getUser("Alice", { timeoutMs: 5_000 });
          client.close();
          const after = peers.map(({ calls }, index) => calls.length - before[index]!);
          assert.deepEqual(after, [10, 10, 10]);
        })),
  ));

function connection(address: string): ConnectionOptions {
  return { target: parseTarget(address)!, wait: false, retries: 0, headers: [] };
}

programTest("--wait waits for a server that comes up", async () => {
  const port = `${await closedPort()}`;
  const running = startUsersvc(["call", "Alice", "--port", port, "--wait", "--verbose"]);
  await running.stderr.until(/^\* no connection, trying again$/m);
  const { code, stdout } = await withServe(() => running.ended(), ["--port", port]);
  assert.deepEqual([code, stdout], [0, GREETED.stdout]);
});

posixTest("names that wait for a connection in vain all say so", async () => {
  const port = await closedPort();
  const flags = `--wait --rate 5 --timeout 2s --port ${port}`;
  const { code, stderr } = await shell(`seq 8 | ${shellCommand(`call - ${flags}`)}`);
  assert.equal(code, 68);
  // A busy machine begins some late, which is a line of its own.
  const lines = stderr.trimEnd().split("\n").filter((line) => !/ begun /.test(line));
  assert.equal(lines.length, 8);
  for (const line of lines) assert.match(line, /: no (HTTP\/2 )?connection within 2 s(: |$)/);
});

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

programTest("--retries survives a server that comes up late", async () => {
  const port = `${await closedPort()}`;
  const running = startUsersvc(["call", "Alice", "--port", port, "--retries", "10", "-v"]);
  await running.stderr.until(/^\* no connection, trying again$/m);
  const { code, stdout } = await withServe(() => running.ended(), ["--port", port]);
  assert.deepEqual([code, stdout], [0, GREETED.stdout]);
});

serveTest("--retries survives a server that fails now and then", async ({ port }) => {
  // Eleven attempts, of which half fail: one call of 2048 is lost.
  assert.deepEqual(await call(`localhost:${port}`, "--retries", "10"), GREETED);
}, ["--fail", "UNAVAILABLE:0.5"]);

posixTest("--retries is how often a call is tried again, after UNAVAILABLE alone", async () => {
  for (const [fail, retries, attempts] of [["UNAVAILABLE", 6, 7], ["INTERNAL", 6, 1]] as const) {
    await withServe(async (server) => {
      const failed = await call(`localhost:${server.port}`, "--retries", `${retries}`);
      assert.equal(failed.stderr.match(/\n/g)?.length, 1, failed.stderr);
      server.kill("SIGTERM");
      assert.equal((await server.ended()).stderr.match(/failed GetUser/g)?.length, attempts);
    }, ["--fail", fail]);
  }
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

programTest("no proxy of the environment is asked", () =>
  withPeer(
    (socket) => socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n"),
    (proxy) =>
      withServe(async ({ port }) => {
        const url = `http://127.0.0.1:${proxy}`;
        const env = { http_proxy: url, https_proxy: url, grpc_proxy: url, HTTP_PROXY: url };
        const result = await usersvc(["call", "Alice", "--port", `${port}`], { env });
        assert.deepEqual(result, GREETED);
      }),
  ));
