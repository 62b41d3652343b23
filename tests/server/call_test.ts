import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { OutgoingHeaders } from "../../src/http2/hpack_encoder.ts";
import type { Session } from "../../src/http2/session.ts";
import {
  call,
  callFields,
  data,
  type Field,
  Flag,
  frame,
  FrameType,
  getUserRequest,
  grpcMessage,
  headers,
  HELLO,
  longHeaders,
  ping,
  streamIds,
} from "../support/frames.ts";
import { readFrames } from "../support/http2_peer.ts";
import { startOwnServer } from "../support/own_server.ts";
import { posixTest, type Serve, serveTest, usersvc } from "../support/program.ts";

serveTest("--fail fails calls, but not health checks", async ({ port }) => {
  const { code, stderr } = await usersvc(["call", "Alice", "--port", `${port}`]);
  assert.equal(code, 64 + 5);
  assert.match(stderr, /NOT_FOUND from \S+: failed on purpose \(--fail\)\n$/);
  assert.equal((await usersvc(["check", "--port", `${port}`, "--timeout", "30s"])).code, 0);
}, ["--fail", "NOT_FOUND"]);

posixTest("a call whose handler fails ends once, at once or late, and the log has it", async () => {
  for (const faults of [{}, { delay: { minMs: 20, maxMs: 20 } }]) {
    for (const failing of ["callReceived", "callFinished"]) {
      const finished: unknown[] = [];
      const notices: string[] = [];
      const { call, drain, close } = await startOwnServer({
        callReceived() {
          if (failing === "callReceived") throw new Error("secret");
        },
        callFinished(_, { code, reason }) {
          finished.push([code, reason]);
          if (failing === "callFinished") throw new Error("secret");
        },
        notice: ({ event, message }) => void notices.push(`${event}: ${message}`),
      }, faults);
      const [code, text] = await call();
      close();
      await drain(1_000);
      // Its caller is not told what the exception says.
      const [expected, ending] = failing === "callReceived"
        ? [13, ["INTERNAL", "internal error"]]
        : [0, ["OK", undefined]];
      assert.deepEqual([code, text, finished], [expected, ending[1], [ending]]);
      assert.equal(notices.length, 1);
      assert.match(notices[0]!, /^handler_failed: Error: secret\n/);
    }
  }
});

const GRPC = { "content-type": "application/grpc" };

/** The status with which HTTP, and that with which gRPC, answers a call of Alice. */
async function answerTo(
  session: Session,
  headers: OutgoingHeaders,
): Promise<[http: unknown, grpc: string]> {
  const { finishCall } = await import("../support/raw_client.ts");
  const path = "/userservice.UserService/GetUser";
  const stream = session.request({ ":method": "POST", ":path": path, te: "trailers", ...headers });
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
    const served = [
      "application/grpc",
      "application/grpc+proto",
      "application/grpc;charset=utf-8",
      "application/grpc+proto; charset=utf-8",
      "Application/GRPC",
    ];
    const refused = [
      "",
      "application/json",
      "application/grpcfoo",
      "application/grpc-web",
      "application/grpc-web+proto",
      "text/application/grpc",
    ];
    for (const type of [...served, ...refused]) {
      const expected = served.includes(type) ? [200, "0"] : [415, ""];
      assert.deepEqual(await answerTo(session, { "content-type": type }), expected, type);
    }
    assert.deepEqual(await answerTo(session, {}), [415, ""], "none");
    assert.deepEqual(await answerTo(session, GRPC), [200, "0"]);
    session.close();
  },
  ["--no-http"],
);

/** The code of RST_STREAM that gRPC takes for RESOURCE_EXHAUSTED (RFC 9113, section 7). */
const ENHANCE_YOUR_CALM = 11;

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
    const fields = callFields({ ":authority": `127.0.0.1:${server.port}` });
    const own = fields.flat().join("").length + 32 * fields.length;
    const many = Object.fromEntries(Array.from({ length: 130 }, (_, index) => [`x${index}`, ""]));
    for (const headers of [metadataOf(limit - own + 1), metadataOf(limit + 5_000), many]) {
      const refused = startCall(session, headers);
      refused.on("error", () => {});
      await new Promise((resolve) => refused.once("close", resolve));
      assert.equal(refused.rstCode, ENHANCE_YOUR_CALM);
      const most = { ...GRPC, ...metadataOf(limit - own) };
      assert.deepEqual(await answerTo(session, most), [200, "0"]);
    }
    for (const neighbour of neighbours) {
      assert.equal((await finishCall(neighbour, "Alice")).status, "0");
    }
    session.close();
  },
);

/** Headers of a call, and how large the frames are that they are cut into. */
const HUGE: [name: string, fields: Field[], frameBytes: number][] = [
  ["one of 1 MB", [["x-large", "v".repeat(1_000_000)]], 16_384],
  ["one of 70 KB in small frames", [["x-large", "v".repeat(70_000)]], 100],
  ["a name of 70 KB", [["x".repeat(70_000), ""]], 16_384],
  ["20 of 20 KB", Array(20).fill(["x-large", "v".repeat(20_000)]), 16_384],
];

serveTest("a call with a very large header is refused alone, however it comes", async (server) => {
  for (const [name, fields, frameBytes] of HUGE) {
    for (const chunkBytes of [1_000_000_000, 1_000]) {
      const huge = longHeaders(5, [...callFields(), ...fields], frameBytes);
      assert.deepEqual(await besideNeighbours(server, huge, chunkBytes), {
        // It alone is refused.
        answers: { 1: "Привет, before!", 3: "Привет, beside!", 7: "Привет, late!" },
        resets: { 5: ENHANCE_YOUR_CALM },
        goaways: [],
        window: 2 * 16_384 + grpcMessage(getUserRequest("before")).length,
      }, `${name}, ${chunkBytes} bytes at once`);
    }
  }
});

/** Leaves 80 calls with 60 KB of headers each unfinished, on a connection that stays open. */
async function leaveLargeHeaders(port: number) {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const resets: number[] = [];
  const seen = Promise.withResolvers<void>();
  const ended = readFrames(connection, ({ type, flags, payload }) => {
    if (type === FrameType.RST_STREAM) resets.push(Buffer.from(payload).readUInt32BE(0));
    if (type === FrameType.PING && flags & Flag.ACK) seen.resolve();
  });
  const large = callFields({ "x-large": "a".repeat(60_000) });
  const bytes = Buffer.concat([
    ...[HELLO, frame(FrameType.SETTINGS, Flag.ACK, 0)],
    ...streamIds(80).map((id) => longHeaders(id, large)),
    ping(),
  ]);
  for (let start = 0; start < bytes.length;) {
    start += await connection.write(bytes.subarray(start));
  }
  await Promise.race([seen.promise, ended.then(() => assert.fail("the connection ended"))]);
  return { resets, close: () => connection.close() };
}

serveTest("the headers of calls that last take memory up to a limit", async ({ port, stdout }) => {
  // The call with the largest headers is the first that is refused; by HTTP/1.1 its connection is closed.
  const http1 = await Deno.connect({ hostname: "127.0.0.1", port });
  const fields = ["host: x", "content-type: application/json", `x-large: ${"a".repeat(62_000)}`];
  const body = '{"username":"Alice"}';
  const head = ["POST /userservice.UserService/GetUser HTTP/1.1", ...fields];
  await http1.write(Buffer.from(
    `${head.join("\r\n")}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  ));
  const answer = new Response(http1.readable).text();
  await stdout.until(/Alice/);
  // 76 MB of headers.
  const peers: Awaited<ReturnType<typeof leaveLargeHeaders>>[] = [];
  for (let count = 0; count < 16; count++) peers.push(await leaveLargeHeaders(port));
  assert.equal(await answer, "");
  const resets = peers.flatMap(({ resets }) => resets);
  peers.forEach(({ close }) => close());
  assert.deepEqual([...new Set(resets)], [ENHANCE_YOUR_CALM]);
  // A quarter of what there may be is made free, and no more.
  assert.ok(resets.length < 16 * 80 / 2, `${resets.length} calls were reset`);
}, ["--delay", "1m"]);

/** What a client sees that makes a call, begins another, sends `huge`, and goes on. */
async function besideNeighbours({ port }: Serve, huge: Uint8Array, chunkBytes: number) {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
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
