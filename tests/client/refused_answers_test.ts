/** What a call says of answers that the client itself does not take. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { call, names } from "../support/calls.ts";
import {
  begin,
  type Field,
  Flag,
  frame,
  FrameType,
  headers,
  longHeaders,
  message,
  ping,
  settings,
} from "../support/frames.ts";
import { withHttp2Server } from "../support/http2_server.ts";
import { programTest } from "../support/program.ts";
import { withPeer } from "../support/tcp_peer.ts";

/** Calls a server that answers every call so, with retries; counts its connections and calls. */
async function callOf(answer: (stream: number) => Uint8Array) {
  let calls = 0, connections = 0;
  return await withHttp2Server(
    ({ stream, send }) => {
      calls++;
      send(answer(stream));
    },
    async (port) => {
      const { code, stderr } = await call(`localhost:${port}`, "--retries", "1");
      const [, error] = /^usersvc call: (.*)\n$/s.exec(stderr) ?? [];
      return { code, error: error?.replace(` from localhost:${port}`, ""), calls, connections };
    },
    (socket) => {
      connections++;
      socket.write(settings());
    },
  );
}

const FIELDS: readonly Field[] = [[":status", "200"], ["content-type", "application/grpc"]];
const many = (count: number): Field[] => names(count).map((name) => [name, ""]);
const withHeaders = (...more: readonly Field[]) => (stream: number) =>
  longHeaders(stream, [...FIELDS, ...more]);

programTest("headers that are too large are refused by the client, which says so", async () => {
  for (
    const [answer, limit] of [
      [withHeaders(["x", "y".repeat(100_000)]), "64 KiB or 2000 fields"],
      [withHeaders(...many(2_000)), "64 KiB or 2000 fields"],
      [withHeaders(["x", "y".repeat(2_000_000)]), "1 MiB or 1024 frames"],
    ] as const
  ) {
    const error = "RESOURCE_EXHAUSTED: the client refused the answer as too large: " +
      `headers of more than ${limit}`;
    // Neither a retry nor a connection of its own to look for the reason.
    assert.deepEqual(await callOf(answer), { code: 72, error, calls: 1, connections: 1 });
  }
});

programTest("an answer that breaks HTTP/2 ends its call with what is wrong", async () => {
  const { HEADERS, DATA, PUSH_PROMISE } = FrameType;
  const ways: readonly (readonly [words: string, answer: (stream: number) => Uint8Array])[] = [
    ["PUSH_PROMISE is not allowed here", (id) => frame(PUSH_PROMISE, 0, id, new Uint8Array(4))],
    [
      "a block of headers has no field 126",
      (id) => frame(HEADERS, Flag.END_HEADERS, id, Uint8Array.of(0x80 | 126)),
    ],
    ["a frame of 20000 bytes", (id) => frame(DATA, 0, id, new Uint8Array(20_000))],
    ["too many frames that lead to nothing", () => Buffer.concat(Array(5_000).fill(ping()))],
  ];
  for (const [words, answer] of ways) {
    const error = `UNAVAILABLE: the server broke HTTP/2: ${words}`;
    const begun = (stream: number) => Buffer.concat([begin(stream), answer(stream)]);
    assert.deepEqual(await callOf(begun), { code: 78, error, calls: 2, connections: 2 });
  }
});

programTest(
  "an answer that is malformed leaves the connection, and says what is wrong",
  async () => {
    const ways: readonly (readonly [words: string, answer: (stream: number) => Uint8Array])[] = [
      ["malformed headers", (id) => headers(id, [["x", "y"]])],
      ["DATA before headers", (id) => message(id)],
      [
        "malformed or early trailers",
        (id) => Buffer.concat([begin(id), headers(id, [["grpc-status", "0"]])]),
      ],
      [
        "a content-length that is not that of DATA",
        (id) => Buffer.concat([withHeaders(["content-length", "2"])(id), message(id)]),
      ],
    ];
    for (const [words, answer] of ways) {
      const error = `INTERNAL: the server broke HTTP/2: ${words}`;
      assert.deepEqual(await callOf(answer), { code: 77, error, calls: 1, connections: 1 });
    }
  },
);

programTest("a connection that begins with broken HTTP/2 fails with what is wrong", () =>
  withPeer(
    (socket) => void socket.resume().write(ping()),
    async (port) => {
      const { code, stderr } = await call(`localhost:${port}`);
      const error = "the server broke HTTP/2: the first frame is not SETTINGS";
      const expected = `usersvc call: UNAVAILABLE from localhost:${port}: ${error}\n`;
      assert.deepEqual([code, stderr], [78, expected]);
    },
  ));
