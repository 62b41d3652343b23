/** More connections than the server has file descriptors for. */
import assert from "node:assert/strict";
import { type Mode, modes } from "./modes.ts";
import { HELLO } from "./frames.ts";
import type { Serve } from "../program.ts";
import { within, withPeers } from "./peer.ts";
import { cpuSeconds } from "./processes.ts";
import { greet, survives } from "./survival.ts";

/**
 * What a process may open; a part of it is taken from the start. With workers it is more than the
 * connections that wait in the supervisor: a Deno that cannot open a single file any more panics.
 */
function descriptorsOf({ processes }: Mode): number {
  return processes === 1 ? 128 : 1024;
}

/** How long it may take to accept again, in milliseconds. */
const RECOVERY_MS = 10_000;

/** How long it is watched while it can accept nothing more, in milliseconds. */
const WATCH_MS = 1_000;

for (const mode of modes) {
  const descriptors = descriptorsOf(mode);
  survives("more connections than file descriptors", async (server) => {
    await withPeers(server.port, 2 * descriptors, async (peers) => {
      for (const peer of peers) await peer.send(HELLO);
      const spent = await cpuSeconds(server.pid);
      await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
      const share = (await cpuSeconds(server.pid) - spent) / (WATCH_MS / 1_000);
      assert.ok(share < 0.5, `it spins: ${Math.round(share * 100)} % of a core`);
    });
    await answersAgain(server);
  }, { limits: ["-n", `${descriptors}`], only: [mode] });
}

/** Waits until the server has noticed that descriptors are free again. */
async function answersAgain(server: Serve): Promise<void> {
  await within(RECOVERY_MS, "answer after the connections were closed", greet(server.port));
}
