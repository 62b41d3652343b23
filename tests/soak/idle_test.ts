import assert from "node:assert/strict";
import { linuxServeTest } from "../support/program.ts";
import { finishCall, goaway, openSession, startCall } from "../support/raw_client.ts";

const MINUTE_MS = 60_000;

linuxServeTest(
  "a connection without calls is told to go away after five minutes",
  async ({ port }) => {
    const session = await openSession(port);
    const told = goaway(session);
    const closed = new Promise<void>((resolve) => session.once("close", () => resolve()));
    await new Promise((resolve) => setTimeout(resolve, MINUTE_MS));
    assert.equal((await finishCall(startCall(session), "Alice")).status, "0");
    const start = Date.now();
    await told;
    await closed;
    const minutes = (Date.now() - start) / MINUTE_MS;
    assert.ok(minutes > 4.9 && minutes < 5.2, `${minutes} minutes`);
  },
);
