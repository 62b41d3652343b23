import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { call, Flag, frame, FrameType, HELLO, MAX_WINDOW } from "../support/frames.ts";
import { readFrames } from "../support/http2_peer.ts";
import { calls, records } from "../support/logs.ts";
import { callInFlight, PROCESSES } from "../support/workers.ts";
import { startOwnServer } from "../support/own_server.ts";
import { finishCall, goaway, openSession, roundTrip, startCall } from "../support/raw_client.ts";
import { posixServeTest, posixTest, type Serve, usersvc, withServe } from "../support/program.ts";

async function signalled(
  server: Serve,
  session: Parameters<typeof goaway>[0],
  signal: Deno.Signal,
) {
  const gone = goaway(session);
  server.kill(signal);
  await gone;
}

for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
  posixServeTest(
    `${signal} lets a call in flight finish, accepts no new connection, exit code 0`,
    async (server) => {
      const { session, stream } = await callInFlight(server);
      await signalled(server, session, signal);
      const refused = await usersvc(["call", "late", "--port", `${server.port}`]);
      assert.equal(refused.code, 78, refused.stderr);
      assert.deepEqual(await finishCall(stream, "Alice"), {
        status: "0",
        message: "Привет, Alice!",
      });
      assert.equal((await server.ended()).code, 0);
    },
  );
}

posixServeTest("an idle connection does not hold up the end", async (server) => {
  const session = await openSession(server.port);
  await signalled(server, session, "SIGTERM");
  assert.equal((await server.ended()).code, 0);
});

posixServeTest(
  "a call that is on its way when the client is told to go away is answered",
  async (server) => {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    const lastStreams: number[] = [];
    let answer = "";
    const accepted = Promise.withResolvers<void>();
    const ended = readFrames(connection, ({ type, flags, streamId, payload }) => {
      if (type === FrameType.SETTINGS) accepted.resolve();
      if (type === FrameType.GOAWAY) lastStreams.push(Buffer.from(payload).readUInt32BE());
      if (type === FrameType.DATA) answer += `${streamId}: ${Buffer.from(payload.subarray(7))}`;
      if (type !== FrameType.PING || flags !== Flag.NONE) return;
      // What comes before the answer to the PING was sent before the client had heard.
      const late = [call(1, "Alice"), frame(FrameType.PING, Flag.ACK, 0, payload.slice())];
      void connection.write(Buffer.concat(late));
    });
    await connection.write(HELLO);
    await accepted.promise;
    server.kill("SIGTERM");
    await ended;
    connection.close();
    assert.deepEqual({ lastStreams, answer }, {
      lastStreams: [MAX_WINDOW, 1],
      answer: "1: Привет, Alice!",
    });
    assert.equal((await server.ended()).code, 0);
  },
);

posixServeTest(
  "a second signal ends the server at once, and the log says what that cuts",
  async (server) => {
    const { session } = await callInFlight(server);
    await signalled(server, session, "SIGTERM");
    server.kill("SIGINT");
    const { code, stderr } = await server.ended();
    assert.equal(code, 128 + 2);
    assert.match(stderr, /draining[^\n]*\n[^\n]*: SIGINT during the drain: [^\n]* cut: 1\n$/);
  },
  ["--grace", "1m"],
);

posixServeTest(
  "--grace 0 cancels calls in flight at once, and --delay 0 is no delay",
  async (server) => {
    await callInFlight(server);
    server.kill("SIGTERM");
    const { code, stdout, stderr } = await server.ended();
    assert.equal(code, 1);
    assert.match(stderr, /have 0 s to finish\n[^]*calls cancelled: 1\n$/);
    assert.doesNotMatch(stdout, /fault/);
  },
  ["--grace", "0", "--delay", "0"],
);

posixTest("the same signal again ends it too, but for half a second counts as one", async () => {
  const isOneSignal = () =>
    withServe(async (server) => {
      const { session, stream } = await callInFlight(server);
      const first = performance.now();
      await signalled(server, session, "SIGTERM");
      server.kill("SIGTERM");
      // A machine that is too busy to send both in time has shown nothing.
      if (performance.now() - first > 400) return false;
      assert.equal((await finishCall(stream, "Alice")).status, "0");
      assert.equal((await server.ended()).code, 0);
      return true;
    });
  while (!await isOneSignal());
  await withServe(async (server) => {
    const { stream } = await callInFlight(server);
    const timer = setInterval(() => server.kill("SIGTERM"), 100);
    stream.on("close", () => clearInterval(timer));
    assert.equal((await server.ended()).code, 128 + 15);
  }, ["--grace", "1m"]);
});

posixServeTest(
  "calls that outlast --grace are cancelled, counted, and make the exit code 1",
  async (server) => {
    const { session, stream } = await callInFlight(server);
    const second = startCall(session);
    await roundTrip(session);
    second.on("error", () => {});
    const closed = [stream, second].map((stream) =>
      new Promise<void>((resolve) => stream.on("close", () => resolve()))
    );
    const start = Date.now();
    await signalled(server, session, "SIGTERM");
    await Promise.all(closed);
    const elapsed = Date.now() - start;
    assert.ok(elapsed > 900 && elapsed < 10_000, `${elapsed} ms`);
    const { code, stderr } = await server.ended();
    assert.equal(code, 1);
    assert.ok(stderr.endsWith("the grace period is over, calls cancelled: 2\n"), stderr);
  },
  ["--grace", "1s"],
);

for (const [processes, workers] of PROCESSES) {
  posixServeTest(
    `a call that the server cancels is said to be so, counted so, and its caller told (${processes})`,
    async (server) => {
      const session = await openSession(server.port);
      const answer = finishCall(startCall(session), "Alice");
      await roundTrip(session);
      server.kill("SIGTERM");
      assert.deepEqual(await answer, { status: "14", message: undefined });
      const { code, stdout } = await server.ended();
      const ended = calls(stdout).map((call) => [call.username, call["grpc.code"], call.message]);
      assert.deepEqual(ended, [
        ["Alice", "UNAVAILABLE", "cancelled by the server: the grace period is over"],
      ]);
      assert.equal(records(stdout).find(({ event }) => event === "drained")?.cancelled, 1);
      assert.equal(code, 1);
    },
    ["--log", "json", "--delay", "30s", "--grace", "1s", ...workers],
  );
}

posixTest("a call that the server cancels is counted as what its caller was told", async () => {
  const { processMetrics } = await import("../../src/telemetry/process_metrics.ts");
  const received = Promise.withResolvers<void>();
  const { events, snapshot } = processMetrics(1, {
    callReceived: () => received.resolve(),
    callFinished() {},
    notice() {},
  });
  const delay = { minMs: 30_000, maxMs: 30_000 };
  const { call, drain, close } = await startOwnServer(events, { delay });
  const told = call();
  await received.promise;
  assert.deepEqual(await drain(100), { cancelled: 1 });
  assert.deepEqual(await told, [14, "cancelled by the server: the grace period is over"]);
  close();
  const handled = (await snapshot()).find(({ name }) => name === "grpc_server_handled_total");
  const { values } = handled as unknown as { values: { value: number; labels: object }[] };
  const counted = values.filter(({ value }) => value > 0)
    .map(({ value, labels }) => [(labels as { grpc_code: string }).grpc_code, value]);
  assert.deepEqual(counted, [["Unavailable", 1]]);
});
