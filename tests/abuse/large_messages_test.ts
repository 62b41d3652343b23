/** Many messages at once that are small when they come and large when they are read, or never whole. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { request } from "node:http";
import { gzipSync } from "node:zlib";
import { peakMb } from "../../tools/processes.ts";
import { getUserRequest, grpcMessage } from "../support/frames.ts";
import { ask, GET_USER } from "../support/http_client.ts";
import { linuxServeTest, type Serve } from "../support/program.ts";
import { openSession, roundTrip, sendMessage, startCall } from "../support/raw_client.ts";
import { answersOverTcp, assertAlive, assertNoStack } from "./survival.ts";

const MAX_MESSAGE = 4 * 2 ** 20, MAX_JSON = 64 * 2 ** 10;

/** How many messages come at once; of two million fields each, which were kept, twelve took 4.5 GB. */
const AT_ONCE = 6;

/** How much memory the server may ever take, in megabytes. */
const PEAK_MB = 450;

/** A valid message that gzip makes 18 KB: two million fields that are not in the contract. */
const UNKNOWN_FIELDS = Buffer.concat([
  Buffer.alloc(MAX_MESSAGE - 10, Buffer.of(0x10, 1)),
  getUserRequest("A"),
]);
/** A name that gzip makes 4 KB. */
const LONG_NAME = Buffer.alloc(MAX_MESSAGE, "A");
LONG_NAME.set([0x0a, 0xfb, 0xff, 0xff, 0x01]);

/** A way to send a message: what answers it, as text. */
type Way = (server: Serve, message: Buffer) => Promise<string>;

/** An answer of gRPC-Web in text, or any other, as what it says. */
const textOf = (body: Buffer) =>
  /^[\w+/=]+$/.test(String(body)) ? String(Buffer.from(String(body), "base64")) : String(body);

const posted =
  (type: string, pack: (message: Buffer) => Uint8Array, headers = {}): Way =>
  async ({ port }, message) => {
    const sent = { method: "POST", path: GET_USER, body: pack(message) };
    const answer = await ask({ port, version: 1 }, {
      ...sent,
      headers: { "content-type": type, ...headers },
    });
    return textOf(answer.body);
  };

const byGrpc =
  (pack: (message: Buffer) => Uint8Array, headers = {}): Way => async ({ port }, message) => {
    const session = await openSession(port);
    try {
      const { status } = await sendMessage(startCall(session, headers), pack(message));
      return `grpc-status: ${status}`;
    } finally {
      session.destroy();
    }
  };

const zipped = (message: Buffer) => {
  const bytes = gzipSync(message);
  return grpcMessage(bytes, bytes.length, 1);
};
const plain = (message: Buffer) => grpcMessage(message);
const GZIP = { "grpc-encoding": "gzip" };

const WAYS: Readonly<Record<string, Way>> = {
  "Connect": posted("application/proto", (message) => message),
  "Connect, gzip": posted("application/proto", gzipSync, { "content-encoding": "gzip" }),
  "gRPC-Web": posted("application/grpc-web+proto", plain),
  "gRPC-Web, gzip": posted("application/grpc-web+proto", zipped, GZIP),
  "gRPC-Web in text": posted(
    "application/grpc-web-text; charset=utf-8",
    (message) => Buffer.from(plain(message).toString("base64")),
  ),
  "gRPC": byGrpc(plain),
  "gRPC, gzip": byGrpc(zipped, GZIP),
};

/** Checks that the server is well, and has not been larger than it may be. */
async function assertSmall(server: Serve): Promise<void> {
  await assertAlive(server, answersOverTcp(server));
  const peak = await peakMb(server.pid);
  assert.ok(peak < PEAK_MB, `the server has taken ${Math.round(peak)} MB`);
  assertNoStack(server.stderr.text);
}

for (const [way, send] of Object.entries(WAYS)) {
  linuxServeTest(`large messages by ${way}, at once, take little memory`, async (server) => {
    for (
      const [message, expected] of [
        [UNKNOWN_FIELDS, /Привет, A!|grpc-status: 0/],
        [LONG_NAME, /longer than|grpc-status: 3/],
      ] as const
    ) {
      const answers = Promise.all(Array.from({ length: AT_ONCE }, () => send(server, message)));
      for (const answer of await assertAlive(server, answers)) assert.match(answer, expected);
    }
    await assertSmall(server);
  });
}

linuxServeTest("messages take no more room than they need", async ({ port }) => {
  const message = plain(UNKNOWN_FIELDS);
  // 15 times 4 MiB are less than 64 MiB.
  const sessions = await Promise.all(Array.from({ length: 15 }, () => openSession(port)));
  const calls = sessions.map((session) => startCall(session));
  await Promise.all(
    calls.map((call) =>
      new Promise((sent) => call.write(message.subarray(0, -1), undefined, sent))
    ),
  );
  await Promise.all(sessions.map(roundTrip));
  for (const call of calls) {
    assert.equal((await sendMessage(call, message.subarray(-1))).status, "0");
  }
  for (const session of sessions) {
    session.destroy();
  }
});

linuxServeTest("long names of calls that wait, or are not ended, are not kept", async (server) => {
  const session = await openSession(server.port);
  try {
    for (let call = 0; call < 100; call++) {
      const stream = startCall(session, { ...GZIP, "rpc-behavior": "keep-open" });
      stream.on("error", () => {});
      if (call % 2 === 1) stream.end(zipped(LONG_NAME));
      else stream.write(zipped(LONG_NAME));
    }
    // The start line, and the calls that are ended; the others have come before them.
    await assertAlive(server, server.stdout.lines(51));
    await assertSmall(server);
  } finally {
    session.destroy();
  }
}, ["--faults-by-metadata"]);

/** A message of 4 MiB without its last byte. */
const UNFINISHED = grpcMessage(Buffer.alloc(MAX_MESSAGE - 1), MAX_MESSAGE);

/** Begins that many requests, of which some are answered although they are never whole. */
async function assertRefused(
  server: Serve,
  begin: () => { readonly status: Promise<unknown>; readonly end: () => void },
  expected: unknown,
): Promise<void> {
  // 40 times 4 MiB are more than 64 MiB.
  const requests = Array.from({ length: 40 }, begin);
  try {
    const first = Promise.race(requests.map(({ status }) => status));
    assert.equal(await assertAlive(server, first), expected);
    await assertSmall(server);
  } finally {
    for (const { end } of requests) end();
  }
}

linuxServeTest(
  "of messages that never end the largest are refused, others are answered",
  async (server) => {
    const { port } = server;
    const session = await openSession(port);
    await assertRefused(server, () => {
      const stream = startCall(session);
      stream.on("error", () => {});
      stream.write(UNFINISHED);
      const { promise, resolve } = Promise.withResolvers<unknown>();
      stream.on("response", (headers) => resolve(headers["grpc-status"]));
      return { status: promise, end: () => stream.destroy() };
    }, "8");
    session.destroy();
    await assertRefused(server, () => {
      const headers = { "content-type": "application/proto", "content-length": MAX_MESSAGE };
      const asked = request({ port, method: "POST", path: GET_USER, headers, agent: false });
      asked.on("error", () => {});
      asked.write(UNFINISHED.subarray(5));
      const { promise, resolve } = Promise.withResolvers<unknown>();
      asked.on("response", ({ statusCode }) => resolve(statusCode));
      return { status: promise, end: () => asked.destroy() };
    }, 429);
  },
);

const JSON_TYPE = "application/json";

linuxServeTest("JSON that is nested deeply is refused before it is read", async (server) => {
  const nested = (levels: number) =>
    Buffer.from(`{"username":"A","x":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}}`);
  const send = posted(JSON_TYPE, (message) => message);
  const sendZipped = posted(JSON_TYPE, gzipSync, { "content-encoding": "gzip" });
  const sendWeb = posted("application/grpc-web+json", plain);
  assert.match(await send(server, nested(100)), /Привет, A!/);
  assert.match(await send(server, nested(101)), /"invalid_argument".*nested deeper than 100/);
  assert.match(await sendWeb(server, nested(101)), /grpc-status: 3/);
  // Brackets in a text are none.
  const brackets = Buffer.from(JSON.stringify({ username: `\\"${"[".repeat(200)}` }));
  assert.match(await send(server, brackets), /Привет/);
  assert.match(await send(server, nested(MAX_JSON / 2)), /"resource_exhausted"/);
  const many = Array.from({ length: 60 }, () => sendZipped(server, nested(MAX_MESSAGE / 2)));
  await assertAlive(server, answersOverTcp(server));
  for (const answer of await Promise.all(many)) assert.match(answer, /"resource_exhausted"/);
  await assertSmall(server);
});
