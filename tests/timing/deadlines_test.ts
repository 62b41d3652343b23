/** How soon commands end, and how often they try. */
import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { createServer } from "node:tls";
import { CALL_TLS, cert, SERVE_TLS } from "../support/certs.ts";
import {
  posixTest,
  programTest,
  serveTest,
  shell,
  shellCommand,
  usersvc,
  withFolder,
  withServe,
} from "../support/program.ts";
import { closedPort, withPeer } from "../support/tcp_peer.ts";
import { withWatch } from "../support/watch.ts";

/** Calls until the deadline, and returns why there was no connection. */
async function whyLate(address: string, ...flags: string[]): Promise<string> {
  const call = ["call", "Alice", "--address", address, "--timeout", "2s", ...flags];
  const { code, stdout, stderr } = await usersvc(call);
  assert.deepEqual([code, stdout], [68, ""]);
  const start = `usersvc call: DEADLINE_EXCEEDED from ${address}: no connection within 2 s: `;
  assert.ok(stderr.startsWith(start), stderr);
  return stderr.slice(start.length);
}

programTest("--wait ends with the deadline and says what was wrong", async () => {
  const absent = `127.0.0.1:${await closedPort()}`;
  assert.equal(await whyLate(absent, "--wait"), "connection refused\n");
  await withServe(async ({ port }) => {
    const why = await whyLate(`localhost:${port}`, "--wait");
    assert.equal(why, "the server speaks TLS, call it with TLS\n");
  }, SERVE_TLS);
  if (Deno.build.os === "windows") return;
  await withFolder(async (folder) => {
    const why = await whyLate(`unix:${folder}`, "--wait");
    assert.equal(why, "it is a directory, not a socket file\n");
  });
});

programTest("a server that speaks no HTTP/2 inside TLS is named as that", async () => {
  const server = createServer({
    cert: await Deno.readTextFile(cert("server.pem")),
    key: await Deno.readTextFile(cert("server.key")),
  }, (socket) => void socket.on("error", () => {}));
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const why = await whyLate(`127.0.0.1:${port}`, ...CALL_TLS);
    assert.match(why, /^the server speaks TLS, but not HTTP\/2/);
  } finally {
    server.close();
  }
});

/** How long the program takes, in milliseconds: the least of three runs. */
async function duration(...args: string[]): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < 3; run++) {
    const start = performance.now();
    await usersvc(args);
    times.push(performance.now() - start);
  }
  return Math.min(...times);
}

programTest("a command ends with its deadline, whatever keeps it from a connection", async () => {
  const absent = ["--port", `${await closedPort()}`, "--timeout", "300ms"];
  await withPeer(() => {}, async (port) => {
    const silent = ["--port", `${port}`, "--timeout", "300ms"];
    const late = [
      ["call", "Alice", ...silent],
      ["call", "Alice", ...silent, "--tls"],
      ["call", "Alice", ...absent, "--wait"],
      ["call", "Alice", ...absent, "--retries", "9"],
      ["call", "Alice", "Bob", ...silent, "--wait"],
      ["check", ...silent],
    ];
    // Twice: while other tests start, even the shortest of three can be long.
    const first = await duration("call", "Alice", ...absent);
    const startUp = Math.min(first, await duration("call", "Alice", ...absent));
    for (const args of late) {
      const took = await duration(...args) - startUp;
      // What is looked for beyond the deadline would take a second more.
      assert.ok(took > 100 && took < 1_200, `${args.join(" ")}: ${took} ms beyond the start-up`);
    }
  });
});

posixTest("check --watch waits no longer than its deadline for the first answer", async () => {
  // It ends what speaks HTTP/2, and leaves what speaks TLS waiting: a reason takes long to find.
  const isTls = (bytes: string | Uint8Array) => bytes[0] === 0x16;
  await withPeer(
    (socket) => socket.once("data", (bytes) => isTls(bytes) || socket.end()),
    async (port) => {
      const startUp = await duration("check", "--port", `${await closedPort()}`);
      const start = performance.now();
      await withWatch(port, "--timeout 300ms", async ({ stderr, end }) => {
        const [line] = await stderr.until(/^.*\n/);
        assert.match(line, /^usersvc check: UNAVAILABLE /);
        const took = performance.now() - start - startUp;
        assert.ok(took < 1_200, `${took} ms beyond the start-up`);
        await end("SIGTERM");
      });
    },
  );
});

posixTest("calls that fail for one reason do not look for it one by one", async () => {
  let connections = 0;
  await withPeer((socket) => {
    connections++;
    socket.end();
  }, async (port) => {
    for (const concurrency of [1, 64]) {
      connections = 0;
      const flags = `--port ${port} --concurrency ${concurrency}`;
      const { code, stderr } = await shell(`seq 1000 | ${shellCommand(`call - ${flags}`)}`);
      assert.equal(code, 78);
      assert.equal(stderr.match(/: UNAVAILABLE from /g)?.length, 1_000);
      // A channel tries ten times a second at first, and then once; a reason takes two connections.
      assert.ok(connections < 60, `${connections} connections, ${concurrency} calls at once`);
    }
  });
});

serveTest("call ends as soon as it has printed the answer", async ({ port }) => {
  // It would take 2 s more if a channel's shortest timer held up the end.
  const took = await duration("call", "A", "--port", `${port}`);
  const refused = await duration("call", "A", "--port", `${await closedPort()}`);
  assert.ok(took < refused + 1_500, `${took} ms, without a server ${refused} ms`);
});
