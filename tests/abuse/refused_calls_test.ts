/** Calls that are refused, with an error of their stream or connection in the same segment. */
import { Buffer } from "node:buffer";
import {
  call,
  callFields,
  data,
  ErrorCode,
  type Field,
  Flag,
  frame,
  FrameType,
  headers,
  HELLO,
  longHeaders,
  MAX_WINDOW,
  rstStream,
  Setting,
  settings,
  streamIds,
  windowUpdate,
} from "../support/frames.ts";
import { withPeer } from "../support/http2_peer.ts";
import { survives } from "./survival.ts";

/** How often each pair of a call and an error is sent, a connection each. */
const ROUNDS = 5;

const calls: Readonly<Record<string, readonly Field[]>> = {
  "no content-type": callFields({ "content-type": "" }),
  "a wrong content-type": callFields({ "content-type": "text/html" }),
  "an unknown method": callFields({ ":path": "/userservice.UserService/Nothing" }),
  "an unknown service": callFields({ ":path": "/no.Service/GetUser" }),
  "a path with any bytes": callFields({ ":path": "/\x80\xff%00%" }),
  "a GET": callFields({ ":method": "GET" }),
  "a bad timeout": callFields({ "grpc-timeout": "forever" }),
  "no time": callFields({ "grpc-timeout": "0n" }),
  "a valid call": callFields(),
  "a health check": callFields({ ":path": "/grpc.health.v1.Health/Check" }),
  "a health watch": callFields({ ":path": "/grpc.health.v1.Health/Watch" }),
  "a reflection call": callFields({
    ":path": "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
  }),
};

const errors: Readonly<Record<string, (streamId: number) => Buffer>> = {
  "nothing": () => Buffer.alloc(0),
  "RST_STREAM": (id) => rstStream(id),
  "RST_STREAM without an error": (id) => rstStream(id, ErrorCode.NO_ERROR),
  "a second HEADERS": (id) => headers(id, callFields()),
  "trailers with a pseudo-header": (id) =>
    headers(id, [[":path", "/"]], Flag.END_HEADERS | Flag.END_STREAM),
  "WINDOW_UPDATE of 0": (id) => windowUpdate(id, 0),
  "WINDOW_UPDATE overflow": (id) => windowUpdate(id, MAX_WINDOW),
  "WINDOW_UPDATE of 0 for the connection": () => windowUpdate(0, 0),
  "WINDOW_UPDATE overflow of the connection": () => windowUpdate(0, MAX_WINDOW),
  "bad SETTINGS": () => settings([Setting.ENABLE_PUSH, 2]),
  "SETTINGS with a window too large": () => settings([Setting.INITIAL_WINDOW_SIZE, 2 ** 31]),
  "SETTINGS that overflow a window": (id) =>
    Buffer.concat([windowUpdate(id, MAX_WINDOW - 65_535), settings([4, 65_536])]),
  "SETTINGS of a wrong size": () => frame(FrameType.SETTINGS, Flag.NONE, 0, Buffer.alloc(5)),
  "DATA after the end": (id) =>
    Buffer.concat([data(id, Buffer.alloc(1), Flag.END_STREAM), data(id, Buffer.alloc(1))]),
  "DATA padded beyond its end": (id) => frame(FrameType.DATA, 0x8, id, Buffer.of(255, 0)),
  "DATA on stream 0": () => data(0, Buffer.alloc(1)),
  "a header block that is garbage": (id) =>
    frame(FrameType.HEADERS, Flag.END_HEADERS, id + 2, Buffer.alloc(8, 0xff)),
  "HEADERS of an older stream": () => headers(1, callFields()),
  "HEADERS that depend on themselves": (id) =>
    frame(FrameType.HEADERS, Flag.END_HEADERS | 0x20, id, Buffer.of(0, 0, 0, id, 0)),
  "PRIORITY of itself": (id) => frame(FrameType.PRIORITY, Flag.NONE, id, Buffer.of(0, 0, 0, id, 0)),
  "PUSH_PROMISE": (id) => frame(FrameType.PUSH_PROMISE, Flag.END_HEADERS, id, Buffer.alloc(4)),
  "PING of a wrong size": () => frame(FrameType.PING, Flag.NONE, 0, Buffer.alloc(7)),
  "GOAWAY": () => frame(FrameType.GOAWAY, Flag.NONE, 0, Buffer.alloc(8)),
  "GOAWAY with an error": () =>
    frame(FrameType.GOAWAY, Flag.NONE, 0, Buffer.of(0, 0, 0, 0, 0, 0, 0, 1)),
  "CONTINUATION of nothing": (id) => frame(FrameType.CONTINUATION, Flag.END_HEADERS, id),
  "a frame that is too long": (id) => data(id, Buffer.alloc(16_385)),
  "an unknown frame": (id) => frame(0xfa, 0xff, id, Buffer.alloc(64)),
};

for (const [call, fields] of Object.entries(calls)) {
  survives(`${call}, with each error in the same segment`, async ({ port }) => {
    for (const error of Object.values(errors)) {
      for (let round = 0; round < ROUNDS; round++) {
        await oneSegment(port, headers(3, fields), error(3));
        await oneSegment(port, headers(3, fields, Flag.END_HEADERS | Flag.END_STREAM), error(3));
      }
    }
  });
}

survives(
  "a header block that is too large, with each error in the same segment",
  async ({ port }) => {
    const fields: Field[] = [...callFields(), ["x", "v".repeat(70_000)]];
    for (const error of Object.values(errors)) {
      for (const frameBytes of [16_384, 10_000]) {
        const block = longHeaders(3, fields, frameBytes);
        await oneSegment(port, call(1, "Alice"), block, error(3), call(5, "Bob"), error(1));
        // Two frames of it: nothing else may come before the rest.
        await oneSegment(port, block.subarray(0, 2 * (9 + frameBytes)), error(3), call(5, "Bob"));
        await oneSegment(
          port,
          block,
          ...[5, 7, 9].map((id) => longHeaders(id, fields, frameBytes)),
        );
      }
    }
  },
);

survives("many calls after a header block that was too large", async ({ port }) => {
  const block = longHeaders(1, [...callFields(), ["x", "v".repeat(70_000)]]);
  const many = streamIds(2_000).slice(1).map((id) => call(id, "Alice"));
  for (let round = 0; round < ROUNDS; round++) await oneSegment(port, block, ...many);
});

survives("many refused calls and one error in the same segment", async ({ port }) => {
  for (const error of Object.values(errors)) {
    for (const fields of Object.values(calls)) {
      const many = [3, 5, 7, 9, 11, 13, 15, 17, 19].map((id) => headers(id, fields));
      await oneSegment(port, ...many, error(9));
    }
  }
});

/** Sends bytes in one segment, and once more from a peer that is gone before it can be answered. */
async function oneSegment(port: number, ...parts: readonly Uint8Array[]): Promise<void> {
  for (const stays of [true, false]) {
    await withPeer(port, async (peer) => {
      await peer.send(HELLO, ...parts);
      if (stays) await peer.settle();
    });
  }
}
