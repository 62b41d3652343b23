import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { OutgoingHeaders } from "../../src/http2/hpack_encoder.ts";
import type { Session } from "../../src/http2/session.ts";
import type { ServiceError } from "@grpc/grpc-js";
import {
  call,
  callFields,
  data,
  Flag,
  FrameType,
  getUserRequest,
  grpcMessage,
  headers,
  HELLO,
  longHeaders,
} from "../support/frames.ts";
import { readFrames } from "../support/http2_peer.ts";
import { cert } from "../support/grpc_peer.ts";
import { checkHealth, healthClient } from "../support/health_client.ts";
import { posixServeTest, posixTest, type Serve, serveTest, usersvc } from "../support/program.ts";

async function health(server: Serve, service: string): Promise<object> {
  const client = await healthClient(server.port);
  try {
    return await checkHealth(client, service);
  } finally {
    client.close();
  }
}

serveTest("the health of the server and of its service can be checked", async (server) => {
  assert.deepEqual(await health(server, ""), { status: "SERVING" });
  assert.deepEqual(await health(server, "userservice.UserService"), { status: "SERVING" });
  await assert.rejects(health(server, "no.such.Service"), /NOT_FOUND: unknown service/);
});

serveTest("--fail fails calls, but not health checks", async (server) => {
  const { code, stderr } = await usersvc(["call", "Alice", "--port", `${server.port}`]);
  assert.equal(code, 64 + 5);
  assert.match(stderr, /NOT_FOUND from \S+: failed on purpose \(--fail\)\n$/);
  assert.deepEqual(await health(server, ""), { status: "SERVING" });
}, ["--fail", "NOT_FOUND"]);

serveTest("--fail CODE:RATE fails about that share of the calls", async (server) => {
  const { finishCall, openSession, startCall } = await import("../support/raw_client.ts");
  const session = await openSession(server.port);
  const counts: Record<string, number> = {};
  for (let i = 0; i < 20; i++) {
    const calls = Array.from({ length: 100 }, () => finishCall(startCall(session), "Alice"));
    for (const { status } of await Promise.all(calls)) {
      counts[status] = (counts[status] ?? 0) + 1;
    }
  }
  session.close();
  assert.deepEqual(Object.keys(counts).sort(), ["0", "14"]);
  // 2,000 calls at 0.3: beyond 500 and 700 lie ten standard deviations of 20.
  assert.ok(counts["14"]! > 400 && counts["14"]! < 800, JSON.stringify(counts));
}, ["--fail", "UNAVAILABLE:0.3"]);

serveTest("--delay makes answers late", async (server) => {
  const start = Date.now();
  const late = await usersvc(["call", "Alice", "--port", `${server.port}`]);
  assert.equal(late.stdout, "Привет, Alice!\n");
  assert.ok(Date.now() - start >= 400);
}, ["--delay", "400ms"]);

posixServeTest(
  "a call whose deadline passes is not answered, and logged as what it is",
  async (server) => {
    const call = ["call", "Alice", "--port", `${server.port}`, "--timeout", "2s"];
    assert.equal((await usersvc(call)).code, 68);
    await server.stderr.until(/GetUser of "Alice" from \S+: (DEADLINE_EXCEEDED|CANCELLED): /);
    server.kill("SIGTERM");
    assert.equal((await server.ended()).code, 0);
  },
  ["--delay", "1m", "--grace", "1ms"],
);

posixTest(
  "an exception in a handler is INTERNAL without its text, and the log has it",
  async () => {
    const { credentials } = await import("@grpc/grpc-js");
    const { loadContract } = await import("../../src/contract/contract.ts");
    const { startServer } = await import("../../src/server/server.ts");
    const notices: string[] = [];
    const server = await startServer(
      { endpoints: [{ host: "127.0.0.1", port: 0 }], reflection: false, faults: {} },
      {
        callReceived: () => {
          throw new Error("secret");
        },
        callFinished: () => {},
        notice: ({ event, message }) => void notices.push(`${event}: ${message}`),
      },
    );
    const { UserService } = await loadContract();
    const [endpoint] = server.endpoints;
    assert.ok(endpoint && "port" in endpoint);
    const client = new UserService(`127.0.0.1:${endpoint.port}`, credentials.createInsecure());
    const error = await new Promise<ServiceError | null>((resolve) =>
      client.getUser({ username: "Alice" }, resolve)
    );
    client.close();
    await server.drain(1_000);
    assert.deepEqual([error?.code, error?.details], [13, "internal error"]);
    assert.equal(notices.length, 1);
    assert.match(notices[0]!, /^handler_failed: Error: secret\n/);
  },
);

posixTest("a call whose handler fails ends once, at once or late", async () => {
  const { credentials } = await import("@grpc/grpc-js");
  const { loadContract } = await import("../../src/contract/contract.ts");
  const { startServer } = await import("../../src/server/server.ts");
  const { UserService } = await loadContract();
  for (const faults of [{}, { delay: { minMs: 20, maxMs: 20 } }]) {
    for (const failing of ["callReceived", "callFinished"]) {
      const finished: [code: string, reason: string | undefined][] = [];
      const notices: string[] = [];
      const server = await startServer(
        { endpoints: [{ host: "127.0.0.1", port: 0 }], reflection: false, faults },
        {
          callReceived() {
            if (failing === "callReceived") throw new Error("secret");
          },
          callFinished(_, { code, reason }) {
            finished.push([code, reason]);
            if (failing === "callFinished") throw new Error("secret");
          },
          notice: ({ event }) => void notices.push(event),
        },
      );
      const [endpoint] = server.endpoints;
      assert.ok(endpoint && "port" in endpoint);
      const client = new UserService(`127.0.0.1:${endpoint.port}`, credentials.createInsecure());
      const code = await new Promise<number>((resolve) =>
        client.getUser({ username: "Alice" }, (error) => resolve(error?.code ?? 0))
      );
      client.close();
      await server.drain(1_000);
      const [expected, ending] = failing === "callReceived"
        ? [13, ["INTERNAL", "internal error"]]
        : [0, ["OK", undefined]];
      assert.deepEqual([code, finished, notices], [expected, [ending], ["handler_failed"]]);
    }
  }
});

/** The status with which HTTP, and that with which gRPC, answers a call of Alice. */
async function answerTo(
  session: Session,
  headers: OutgoingHeaders,
): Promise<[http: unknown, grpc: string]> {
  const { finishCall } = await import("../support/raw_client.ts");
  const path = "/userservice.UserService/GetUser";
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "te": "trailers",
    ...headers,
  });
  let http: unknown;
  stream.on("response", (response) => http = response[":status"]);
  const { status } = await finishCall(stream, "Alice");
  return [http, status];
}

serveTest(
  "with --no-http a call whose content type is not one of gRPC is refused with 415, no other is",
  async (server) => {
    const { openSession } = await import("../support/raw_client.ts");
    const session = await openSession(server.port);
    const types = {
      served: [
        "application/grpc",
        "application/grpc+proto",
        "application/grpc;charset=utf-8",
        "application/grpc+proto; charset=utf-8",
        "Application/GRPC",
      ],
      refused: [
        "",
        "application/json",
        "application/grpcfoo",
        "application/grpc-web",
        "application/grpc-web+proto",
        "text/application/grpc",
      ],
    };
    for (const type of types.served) {
      assert.deepEqual(await answerTo(session, { "content-type": type }), [200, "0"], type);
    }
    for (const type of types.refused) {
      assert.deepEqual(await answerTo(session, { "content-type": type }), [415, ""], type);
    }
    assert.deepEqual(await answerTo(session, {}), [415, ""], "none");
    assert.deepEqual(await answerTo(session, { "content-type": "application/grpc" }), [200, "0"]);
    session.close();
  },
  ["--no-http"],
);

/** The code of RST_STREAM that gRPC takes for RESOURCE_EXHAUSTED (RFC 9113, section 7). */
const ENHANCE_YOUR_CALM = 11;
/** The code of one that was not begun, and that clients try again elsewhere. */

/** Metadata that has this size, as RFC 9113, section 6.5.2 counts it: 32 more for each field. */
function metadataOf(bytes: number): OutgoingHeaders {
  const metadata: OutgoingHeaders = {};
  for (let left = bytes, index = 10; left > 0; index++) {
    const size = left < 20_000 ? left : 10_000;
    metadata[`x${index}`] = "v".repeat(size - 32 - 3);
    left -= size;
  }
  return metadata;
}

serveTest(
  "a call with too large headers is refused alone, and the limit is announced",
  async (server) => {
    const { finishCall, openSession, roundTrip, startCall } = await import(
      "../support/raw_client.ts"
    );
    const limit = 64 * 1024;
    const session = await openSession(server.port, ({ maxHeaderListSize }) => {
      assert.equal(maxHeaderListSize, limit);
    });
    const neighbours = Array.from({ length: 20 }, () => startCall(session));
    await roundTrip(session);
    const fields = {
      ":method": "POST",
      ":path": "/userservice.UserService/GetUser",
      ":scheme": "http",
      ":authority": `127.0.0.1:${server.port}`,
      "content-type": "application/grpc",
      "te": "trailers",
    };
    const own = Object.entries(fields).flat().join("").length + 32 * Object.keys(fields).length;
    const type = { "content-type": "application/grpc" };
    const many = Object.fromEntries(Array.from({ length: 130 }, (_, index) => [`x${index}`, ""]));
    for (const headers of [metadataOf(limit - own + 1), metadataOf(limit + 5_000), many]) {
      const refused = startCall(session, { ...type, ...headers });
      refused.on("error", () => {});
      await new Promise((resolve) => refused.once("close", resolve));
      assert.equal(refused.rstCode, ENHANCE_YOUR_CALM);
      const most = { ...type, ...metadataOf(limit - own) };
      assert.deepEqual(await answerTo(session, most), [200, "0"]);
    }
    for (const neighbour of neighbours) {
      assert.equal((await finishCall(neighbour, "Alice")).status, "0");
    }
    session.close();
  },
);

/** A call with headers that nghttp2 would not take, cut into frames and chunks in several ways. */
const HUGE: [name: string, fields: (readonly [string, string])[], frameBytes: number][] = [
  ["one of 70 KB", [["x-large", "v".repeat(70_000)]], 16_384],
  ["one of 1 MB", [["x-large", "v".repeat(1_000_000)]], 16_384],
  ["one of 70 KB in small frames", [["x-large", "v".repeat(70_000)]], 100],
  ["a name of 70 KB", [["x".repeat(70_000), ""]], 16_384],
  [
    "20 of 20 KB",
    Array.from({ length: 20 }, (_, index) => [`x${index}`, "v".repeat(20_000)]),
    16_384,
  ],
];

for (const flags of [[], ["--tls-cert", cert("server.pem"), "--tls-key", cert("server.key")]]) {
  for (const chunkBytes of [1_000_000_000, 1_000]) {
    serveTest(
      `a call with a very large header is refused alone (${
        flags.length === 0 ? "plain text" : "TLS"
      }, ${chunkBytes === 1_000 ? "in pieces" : "at once"})`,
      async (server) => {
        for (const [name, fields, frameBytes] of HUGE) {
          const seen = await besideNeighbours(
            server,
            flags.length > 0,
            longHeaders(5, [...callFields(), ...fields], frameBytes),
            chunkBytes,
          );
          assert.deepEqual(seen, {
            // It alone is refused.
            answers: { 1: "Привет, before!", 3: "Привет, beside!", 7: "Привет, late!" },
            resets: { 5: ENHANCE_YOUR_CALM },
            goaways: [],
            window: 2 * 16_384 + grpcMessage(getUserRequest("before")).length,
          }, name);
        }
        const { openSession } = await import("../support/raw_client.ts");
        if (flags.length > 0) return;
        const session = await openSession(server.port);
        assert.deepEqual(await answerTo(session, { "content-type": "application/grpc" }), [
          200,
          "0",
        ]);
        session.close();
      },
      flags,
    );
  }
}

/** What a client sees that makes a call, begins another, sends `huge`, and goes on. */
async function besideNeighbours(
  { port }: Serve,
  tls: boolean,
  huge: Uint8Array,
  chunkBytes: number,
) {
  const hostname = "127.0.0.1";
  const connection = tls
    ? await Deno.connectTls({
      hostname,
      port,
      caCerts: [await Deno.readTextFile(cert("ca.pem"))],
      alpnProtocols: ["h2"],
    })
    : await Deno.connect({ hostname, port });
  const answers: Record<number, string> = {}, resets: Record<number, number> = {};
  const goaways: number[] = [];
  let window = 0;
  const ended = readFrames(connection, ({ type, flags, streamId, payload }) => {
    const bytes = Buffer.from(payload);
    if (type === FrameType.DATA) answers[streamId] = String(bytes.subarray(7));
    if (type === FrameType.RST_STREAM) resets[streamId] = bytes.readUInt32BE(0);
    if (type === FrameType.WINDOW_UPDATE && streamId === 0) window += bytes.readUInt32BE(0);
    if (type === FrameType.GOAWAY) goaways.push(bytes.readUInt32BE(4));
    const isLast = type === FrameType.HEADERS && streamId === 7 && flags & Flag.END_STREAM;
    if (isLast) void connection.closeWrite();
  });
  const message = (id: number, name: string) =>
    data(id, grpcMessage(getUserRequest(name)), Flag.END_STREAM);
  const all = Buffer.concat([
    ...[HELLO, call(1, "before"), headers(3, callFields()), huge],
    // What the refused call sends takes nothing from the window of the others.
    ...[data(5, Buffer.alloc(16_384)), data(5, Buffer.alloc(16_384)), call(7, "late")],
    message(3, "beside"),
  ]);
  for (let start = 0; start < all.length;) {
    start += await connection.write(all.subarray(start, start + chunkBytes));
  }
  await ended;
  connection.close();
  return { answers, resets, goaways, window };
}
