import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { ClientHttp2Session } from "node:http2";
import { linuxTest, withServe } from "./support/program.ts";
import { openSession, roundTrip, startCall } from "./support/raw_client.ts";

const MAX_MESSAGE = 4 * 2 ** 20;
/** The largest message, without its last byte. */
const UNFINISHED = Buffer.alloc(5 + MAX_MESSAGE - 1);
UNFINISHED.writeUInt32BE(MAX_MESSAGE, 1);

/** Makes the server keep 80 times 4 MiB, as long as the connection is open. */
async function fill(port: number): Promise<ClientHttp2Session> {
  const session = await openSession(port);
  const sent = Array.from({ length: 80 }, () => {
    const stream = startCall(session);
    stream.on("error", () => {});
    return new Promise((resolve) => stream.write(UNFINISHED, resolve));
  });
  await Promise.all(sent);
  await roundTrip(session);
  return session;
}

linuxTest(
  "a single process that passes 512 MB says once what the remedy is",
  () =>
    withServe(async ({ port, stderr, kill, ended }) => {
      const sessions = [await fill(port)];
      assert.doesNotMatch(stderr.text, /this process uses/);
      sessions.push(await fill(port));
      const [, used] = await stderr.until(
        /^usersvc serve: this process uses (\d+) MB, .* --workers replaces processes that grow\n/m,
      );
      assert.ok(Number(used) >= 512);
      // It takes some seconds, in which it could be said again.
      sessions.push(await fill(port));
      kill("SIGTERM");
      for (const session of sessions) session.destroy();
      assert.equal((await ended()).stderr.match(/this process uses/g)?.length, 1);
    }),
);
