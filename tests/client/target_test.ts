import assert from "node:assert/strict";
import { call, GREETED } from "../support/calls.ts";
import { closedPort, withPeer } from "../support/tcp_peer.ts";
import {
  posixTest,
  programTest,
  serveTest,
  usersvc,
  withFolder,
  withServe,
} from "../support/program.ts";
import { withGrpcPeer } from "../support/grpc_peer.ts";
import type { ConnectionOptions } from "../../src/client/connection_options.ts";
import { parseTarget, withPort } from "../../src/client/target.ts";

Deno.test("addresses are host, host and port, or bracketed IPv6", () => {
  const valid: [string, string][] = [
    ["localhost", "localhost:50051"],
    ["localhost:1", "localhost:1"],
    ["127.0.0.1:65535", "127.0.0.1:65535"],
    ["[::1]", "[::1]:50051"],
    ["[::1]:2", "[::1]:2"],
    ["[fe80::1%eth0]:50051", "[fe80::1%eth0]:50051"],
    ["my_host.example.", "my_host.example.:50051"],
  ];
  for (const [text, name] of valid) assert.equal(parseTarget(text)?.name, name);
  assert.equal(withPort(parseTarget("[::1]:2")!, 3)?.name, "[::1]:3");
  const invalid = [
    "",
    ":50051",
    "50051",
    "a:",
    "a:0",
    "a:65536",
    "a:b",
    "::1",
    "::1:50051",
    "[::1",
    "[1]:2",
    "a b",
    "a/b:1",
    "http://a:1",
    "a:1:2",
    "a..b",
    "[]:1",
  ];
  for (const text of invalid) {
    assert.equal(parseTarget(text), undefined, text);
  }
});

Deno.test("target names are gRPC's: dns, unix, ipv4 and ipv6", () => {
  const valid: [text: string, name: string, host: string | undefined, balanced: boolean][] = [
    ["localhost", "localhost:50051", "localhost", false],
    ["dns:a.example", "a.example:50051", "a.example", true],
    ["dns:a.example:1", "a.example:1", "a.example", true],
    ["dns:///a.example:1", "a.example:1", "a.example", true],
    ["dns:[::1]:1", "[::1]:1", "::1", true],
    ["unix:/run/s", "unix:/run/s", "localhost", false],
    ["unix:///run/s", "unix:/run/s", "localhost", false],
    ["unix:s", "unix:s", "localhost", false],
    ["ipv4:10.0.0.1", "ipv4:10.0.0.1:50051", "10.0.0.1", true],
    ["ipv4:10.0.0.1:1,10.0.0.2", "ipv4:10.0.0.1:1,10.0.0.2:50051", undefined, true],
    ["ipv6:[::1]:1,[::2]", "ipv6:[::1]:1,[::2]:50051", undefined, true],
    ["ipv6:::1", "ipv6:[::1]:50051", "::1", true],
  ];
  for (const [text, name, host, balanced] of valid) {
    const target = parseTarget(text);
    assert.deepEqual([target?.name, target?.host, target?.balanced], [name, host, balanced], text);
  }
  assert.equal(withPort(parseTarget("ipv4:10.0.0.1:1")!, 2)?.name, "ipv4:10.0.0.1:2");
  for (const text of ["unix:/run/s", "ipv4:10.0.0.1:1,10.0.0.2:1"]) {
    assert.equal(withPort(parseTarget(text)!, 2), undefined, text);
  }
  const invalid = [
    "dns:",
    "dns:1",
    "dns://8.8.8.8/a",
    "dns:a/b",
    "unix:",
    "unix://a/b",
    "xds:///a",
    "ipv4:",
    "ipv4:a:1",
    "ipv4:256.0.0.1:1",
    "ipv4:10.0.0.1:1,",
    "ipv4:[::1]:1",
    "ipv6:10.0.0.1",
    "ipv6:[1:2]:3",
    "[:::]:1",
  ];
  for (const text of invalid) {
    assert.equal(parseTarget(text), undefined, text);
  }
});

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
