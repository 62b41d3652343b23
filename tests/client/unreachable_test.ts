/** What a call and a check say of a server that cannot be reached. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { programTest, usersvc } from "../support/program.ts";
import { closedPort, withPeer } from "../support/tcp_peer.ts";

/** An exit code, and the line on stderr without what every line begins with. */
type Failure = readonly [code: number, line: string];

async function assertFails(
  address: string,
  timeout: string,
  expected: { readonly call: Failure; readonly check: Failure },
): Promise<void> {
  const args = ["--address", address, "--timeout", timeout];
  for (const [command, [code, line]] of Object.entries(expected)) {
    const words = command === "call" ? ["call", "Alice"] : [command];
    const stderr = `usersvc ${command}: ${line}\n`;
    assert.deepEqual(await usersvc([...words, ...args]), { code, stdout: "", stderr });
  }
}

programTest("no server: at once, the address, to a call the command that starts one", async () => {
  const port = await closedPort();
  const start = Date.now();
  for (const host of ["localhost", "127.0.0.1", "[::1]"]) {
    const refused = `UNAVAILABLE from ${host}:${port}: connection refused`;
    await assertFails(`${host}:${port}`, "1m", {
      call: [78, `${refused}; start a server with: usersvc serve --port ${port}`],
      check: [2, refused],
    });
  }
  assert.ok(Date.now() - start < 50_000);
});

programTest("an unknown host: a word about the name", async () => {
  const host = "no-such-host.invalid";
  const unknown = `UNAVAILABLE from ${host}:50051: unknown host, check the name`;
  await assertFails(host, "30s", { call: [78, unknown], check: [2, unknown] });
});

programTest(
  "a server that says nothing: the deadline, of a check 1s by default",
  () =>
    withPeer(() => {}, async (port) => {
      const late = `DEADLINE_EXCEEDED from localhost:${port}: no HTTP/2 connection within`;
      await assertFails(`localhost:${port}`, "300ms", {
        call: [68, `${late} 300 ms`],
        check: [2, `${late} 300 ms`],
      });
      const { code, stderr } = await usersvc(["check", "--port", `${port}`]);
      assert.deepEqual([code, stderr], [2, `usersvc check: ${late} 1 s\n`]);
    }),
);

const PEERS: Record<string, (socket: Socket) => void> = {
  "ends connections": (socket) => socket.end(),
  "speaks HTTP/1.1": (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
  "resets connections": (socket) => socket.resetAndDestroy(),
};

for (const [what, onConnection] of Object.entries(PEERS)) {
  programTest(
    `a peer that ${what}: UNAVAILABLE in words, no stack`,
    () =>
      withPeer(onConnection, async (port) => {
        for (const [code, ...command] of [[78, "call", "Alice"], [2, "check"]] as const) {
          const args = [...command, "--port", `${port}`, "--timeout", "30s"];
          const result = await usersvc(args);
          assert.deepEqual([result.code, result.stdout], [code, ""], result.stderr);
          const line = /^usersvc \w+: UNAVAILABLE from localhost:\d+: [^\n]+\n$/;
          assert.match(result.stderr, line);
        }
      }),
  );
}
