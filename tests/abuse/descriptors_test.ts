/** More connections than the server has file descriptors for. */
import assert from "node:assert/strict";
import {
  linuxServeTest,
  linuxTest,
  type Serve,
  usersvc,
  withFolder,
  withServe,
} from "../support/program.ts";
import { HELLO } from "../support/frames.ts";
import { withPeers } from "../support/http2_peer.ts";
import { pause, within } from "../support/waits.ts";
import { cpuSeconds } from "../../tools/processes.ts";
import { started } from "../support/workers.ts";
import { assertNoStack, greet, modes, survives } from "./survival.ts";

/** What a process may open; a part of it is taken from the start. */
const DESCRIPTORS = 128;

/** The same for a socket file, where 192 of them stay free. */
const UNIX_DESCRIPTORS = 512;

/** More than two workers and their supervisor can take together. */
const PEERS = 4 * DESCRIPTORS;

/** How long it may take to accept again, in milliseconds. */
const RECOVERY_MS = 10_000;

/** How long it is watched while it can accept nothing more, in milliseconds. */
const WATCH_MS = 1_000;

const limits = ["-n", `${DESCRIPTORS}`];

survives("more connections than file descriptors", async (server) => {
  await withPeers(server.port, PEERS, async (peers) => {
    for (const peer of peers) await peer.send(HELLO);
    const spent = await cpuSeconds(server.pid);
    await pause(WATCH_MS);
    const share = (await cpuSeconds(server.pid) - spent) / (WATCH_MS / 1_000);
    assert.ok(share < 0.5, `it spins: ${Math.round(share * 100)} % of a core`);
  });
  await answersAgain(server);
}, { limits });

linuxServeTest(
  "connections that wait for a worker leave file descriptors to start it",
  async (server) => {
    for (let round = 1; round <= 4; round++) {
      Deno.kill((await started(server, round)).at(-1)!, "SIGKILL");
    }
    await server.stderr.until(/another starts in 1 s\n/);
    await withPeers(server.port, PEERS, async () => {
      await started(server, 5);
    });
    await answersAgain(server);
    assert.doesNotMatch(server.stderr.text, /another starts in 2 s/);
    assertNoStack(server.stderr.text);
  },
  ["--workers", "1"],
  limits,
);

/** Connects to a socket file until it is full, or so often. */
async function fill(path: string, most: number): Promise<Deno.Conn[]> {
  const connections: Deno.Conn[] = [];
  try {
    while (connections.length < most) {
      const connection = await Deno.connect({ transport: "unix", path });
      connections.push(connection);
      await connection.write(HELLO);
    }
  } catch (error) {
    // The queue of connections to accept is full, or the server hung up at once.
    if (!["EAGAIN", "EPIPE", "ECONNRESET"].includes(String((error as { code?: unknown }).code))) {
      throw error;
    }
  }
  return connections;
}

for (const { name, args } of modes) {
  linuxTest(
    `more connections than file descriptors, to a socket file (${name})`,
    () =>
      withFolder(async (folder) => {
        const path = `${folder}/usersvc.sock`;
        await withServe(
          async (server) => {
            for (let round = 0; round < 3; round++) {
              const connections = await fill(path, 4 * UNIX_DESCRIPTORS);
              const { length } = connections;
              assert.ok(length > UNIX_DESCRIPTORS / 4, `${length} connections`);
              await pause(WATCH_MS);
              for (const connection of connections) connection.close();
              // It is answered when all those before it have been accepted.
              const wait = ["--wait", "--timeout", "60s", "--retries", "5"];
              const call = ["call", "Alice", "--address", `unix:${path}`, ...wait];
              const { code, stderr } = await usersvc(call);
              assert.equal(code, 0, stderr);
            }
            assertNoStack(server.stderr.text);
          },
          ["--unix", path, ...args],
          ["-n", `${UNIX_DESCRIPTORS}`],
        );
      }),
  );
}

/** Waits until the server has noticed that descriptors are free again. */
async function answersAgain(server: Serve): Promise<void> {
  await within(RECOVERY_MS, "answer after the connections were closed", greet(server.port));
}
