import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { call, Flag, frame, FrameType, HELLO, MAX_WINDOW } from "./abuse/frames.ts";
import { readFrames } from "./abuse/peer.ts";
import { healthClient, watchHealth } from "./health_client.ts";
import { finishCall, goaway, openSession, roundTrip, startCall } from "./raw_client.ts";
import { cert } from "./grpc_peer.ts";
import { posixTest, type Serve, usersvc, withServe } from "./program.ts";

const TLS = ["--tls-cert", cert("server.pem"), "--tls-key", cert("server.key")];

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
  "a call that is on its way when the client is told to go away is answered",
  () =>
    withServe(async (server) => {
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
    }),
);

for (const [name, args] of [["plain text", []], ["TLS", TLS]] as const) {
  posixTest(
    `a client that neither answers nor hangs up delays the end little (${name})`,
    () =>
      withServe(async (server) => {
        const hostname = "127.0.0.1";
        const connection = args === TLS
          ? await Deno.connectTls({
            hostname,
            port: server.port,
            caCerts: [await Deno.readTextFile(cert("ca.pem"))],
            alpnProtocols: ["h2"],
          })
          : await Deno.connect({ hostname, port: server.port });
        await connection.write(HELLO);
        await connection.read(new Uint8Array(64));
        const start = Date.now();
        server.kill("SIGTERM");
        assert.equal((await server.ended()).code, 0);
        const elapsed = Date.now() - start;
        assert.ok(elapsed < 6_000, `${elapsed} ms`);
        connection.close();
      }, args),
  );
}

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
  "calls that outlast --grace are cancelled, counted, and make the exit code 1",
  () =>
    withServe(async (server) => {
      const { session, stream } = await callInFlight(server);
      const second = startCall(session);
      await roundTrip(session);
      const closed = [stream, second].map((stream) => {
        stream.on("error", () => {});
        return new Promise<void>((resolve) => stream.on("close", () => resolve()));
      });
      const start = Date.now();
      await signalled(server, session, "SIGTERM");
      await Promise.all(closed);
      const elapsed = Date.now() - start;
      assert.ok(elapsed > 900 && elapsed < 5_000, `${elapsed} ms`);
      const { code, stderr } = await server.ended();
      assert.equal(code, 1);
      assert.ok(stderr.endsWith("the grace period is over, calls cancelled: 2\n"), stderr);
    }, ["--grace", "1s"]),
);

posixTest(
  "a health watch is told NOT_SERVING and does not hold up the end",
  () =>
    withServe(async (server) => {
      const client = await healthClient(server.port);
      const watch = watchHealth(client);
      await watch.first;
      server.kill("SIGTERM");
      assert.match(String(await watch.ended), /UNAVAILABLE: the server is draining/);
      client.close();
      assert.deepEqual(watch.seen, ["SERVING", "NOT_SERVING"]);
      assert.equal((await server.ended()).code, 0);
    }),
);
