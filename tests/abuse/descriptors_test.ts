/** More connections than the server has file descriptors for. */
import assert from "node:assert/strict";
import { HELLO } from "./frames.ts";
import type { Serve } from "../program.ts";
import { within, withPeers } from "./peer.ts";
import { cpuSeconds } from "./processes.ts";
import { greet, survives } from "./survival.ts";

/**
 * What each process may open; a part of it is taken from the start. It is more than the connections
 * that wait in a supervisor: a Deno that cannot open a single file any more panics.
 */
const DESCRIPTORS = 1024;

/** How long it may take to accept again, in milliseconds. */
const RECOVERY_MS = 10_000;

/** How long it is watched while it can accept nothing more, in milliseconds. */
const WATCH_MS = 1_000;

survives("more connections than file descriptors", async (server) => {
  await withPeers(server.port, 2 * DESCRIPTORS, async (peers) => {
    for (const peer of peers) await peer.send(HELLO);
    const spent = await cpuSeconds(server.pid);
    await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
    const share = (await cpuSeconds(server.pid) - spent) / (WATCH_MS / 1_000);
    assert.ok(share < 0.5, `it spins: ${Math.round(share * 100)} % of a core`);
  });
  await answersAgain(server);
}, { limits: ["-n", `${DESCRIPTORS}`] });

/** Waits until the server has noticed that descriptors are free again. */
async function answersAgain(server: Serve): Promise<void> {
  await within(RECOVERY_MS, "answer after the connections were closed", greet(server.port));
}
