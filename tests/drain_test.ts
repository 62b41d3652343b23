import assert from "node:assert/strict";
import { finishCall, goaway, openSession, roundTrip, startCall } from "./raw_client.ts";
import { posixTest, type Serve, usersvc, withServe } from "./program.ts";

/** Starts a call whose message is still to come, so that it is in flight as long as we like. */
async function callInFlight(server: Serve) {
  const session = await openSession(server.port);
  const stream = startCall(session);
  await roundTrip(session);
  return { session, stream };
}

async function signalled(
  server: Serve,
  session: Parameters<typeof goaway>[0],
  signal: Deno.Signal,
) {
  const gone = goaway(session);
  server.kill(signal);
  await gone;
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  posixTest(
    `${signal} lets a call in flight finish, accepts no new connection, exit code 0`,
    () =>
      withServe(async (server) => {
        const { session, stream } = await callInFlight(server);
        await signalled(server, session, signal);
        const refused = await usersvc([
          "call",
          "late",
          "--port",
          `${server.port}`,
        ]);
        assert.equal(refused.code, 78, refused.stderr);
        assert.deepEqual(await finishCall(stream, "Alice"), {
          status: "0",
          message: "Привет, Alice!",
        });
        assert.equal((await server.ended()).code, 0);
      }),
  );
}

posixTest(
  "an idle connection does not hold up the end",
  () =>
    withServe(async (server) => {
      const session = await openSession(server.port);
      await signalled(server, session, "SIGTERM");
      assert.equal((await server.ended()).code, 0);
    }),
);

posixTest(
  "a second signal ends the server at once",
  () =>
    withServe(async (server) => {
      const { session, stream } = await callInFlight(server);
      stream.on("error", () => {});
      await signalled(server, session, "SIGTERM");
      const start = Date.now();
      server.kill("SIGTERM");
      assert.equal((await server.ended()).code, 128 + 15);
      assert.ok(Date.now() - start < 5_000);
    }),
);

posixTest(
  "a call that does not finish is cancelled after 10 s, exit code 0",
  () =>
    withServe(async (server) => {
      const { session, stream } = await callInFlight(server);
      const closed = new Promise<void>((resolve) => stream.on("close", () => resolve()));
      stream.on("error", () => {});
      const start = Date.now();
      await signalled(server, session, "SIGTERM");
      await closed;
      const elapsed = Date.now() - start;
      assert.ok(elapsed > 9_500 && elapsed < 15_000, `${elapsed} ms`);
      assert.equal((await server.ended()).code, 0);
    }),
);
