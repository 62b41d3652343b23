/** More frames than any client would send. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { openSession, startCall } from "../support/raw_client.ts";
import {
  call,
  callFields,
  data,
  Flag,
  frame,
  FrameType,
  headerBlock,
  headers,
  HELLO,
  ping,
  rstStream,
  Setting,
  settings,
  streamIds,
  windowUpdate,
} from "../support/frames.ts";
import { withPeer } from "../support/http2_peer.ts";
import { survives } from "./survival.ts";

const FRAMES = 20_000;

/** How many frames make one write. */
const BATCH = 500;

/**
 * Sends frame after frame. nghttp2 hangs up on some floods after a thousand frames, so a peer that
 * means it comes back on a new connection until all frames are sent.
 *
 * @param opening what a connection starts with
 */
async function flood(
  port: number,
  makeFrame: (index: number) => Buffer,
  { opening = [], count = FRAMES }: {
    readonly opening?: readonly Buffer[];
    readonly count?: number;
  } = {},
): Promise<void> {
  for (let sent = 0; sent < count;) {
    await withPeer(port, async (peer) => {
      await peer.send(HELLO, ...opening);
      for (let index = 0; sent < count; sent += BATCH, index += BATCH) {
        const batch = Array.from({ length: BATCH }, (_, offset) => makeFrame(index + offset));
        if (!await peer.send(...batch)) {
          sent += BATCH;
          return;
        }
      }
      await peer.settle();
    });
  }
}

const wrongType = callFields({ "content-type": "text/html" });
const idOf = (index: number) => 2 * index + 1;

survives(
  "rapid reset: 20,000 calls, each cancelled at once",
  ({ port }) =>
    flood(
      port,
      (index) => Buffer.concat([headers(idOf(index), callFields()), rstStream(idOf(index))]),
    ),
);

survives(
  "rapid reset of 20,000 calls with a wrong content-type",
  ({ port }) =>
    flood(
      port,
      (index) => Buffer.concat([headers(idOf(index), wrongType), rstStream(idOf(index))]),
    ),
);

survives(
  "rapid reset of 5,000 whole calls",
  ({ port }) =>
    flood(port, (index) => Buffer.concat([call(idOf(index), "Alice"), rstStream(idOf(index))]), {
      count: 5_000,
    }),
);

survives(
  "a reset that the server makes itself, 20,000 times (MadeYouReset)",
  ({ port }) =>
    flood(
      port,
      (index) => Buffer.concat([headers(idOf(index), callFields()), windowUpdate(idOf(index), 0)]),
    ),
);

const callWithoutEnd = [headers(1, callFields(), Flag.NONE)];
const continuation = headerBlock([["x-flood", "x".repeat(1_000)]]);

survives(
  "a CONTINUATION flood",
  ({ port }) =>
    flood(port, () => frame(FrameType.CONTINUATION, Flag.NONE, 1, continuation), {
      opening: callWithoutEnd,
    }),
);

survives(
  "an empty CONTINUATION flood",
  ({ port }) =>
    flood(port, () => frame(FrameType.CONTINUATION, Flag.NONE, 1), { opening: callWithoutEnd }),
);

const floods: Readonly<Record<string, (index: number) => Buffer>> = {
  "PING": (index) => ping(index),
  "PING answers that nobody asked for": (index) => ping(index, Flag.ACK),
  "SETTINGS": () => settings([Setting.INITIAL_WINDOW_SIZE, 65_535]),
  "empty SETTINGS": () => settings(),
  "SETTINGS answers that nobody asked for": () => frame(FrameType.SETTINGS, Flag.ACK, 0),
  "PRIORITY": (index) =>
    frame(FrameType.PRIORITY, Flag.NONE, idOf(index) + 2, Buffer.of(0, 0, 0, 1, 9)),
  "WINDOW_UPDATE": () => windowUpdate(0, 1),
  "unknown frames": () => frame(0xfa, Flag.NONE, 0, Buffer.alloc(64)),
  "GOAWAY": () => frame(FrameType.GOAWAY, Flag.NONE, 0, Buffer.alloc(8)),
};

for (const [name, makeFrame] of Object.entries(floods)) {
  survives(`a flood of ${name}`, ({ port }) => flood(port, makeFrame));
}

const openCall = [headers(1, callFields())];

survives("a flood of empty DATA", ({ port }) => flood(port, () => data(1), { opening: openCall }));

survives(
  "a flood of empty messages in one call",
  ({ port }) => flood(port, () => data(1, Buffer.alloc(5)), { opening: openCall, count: 10_000 }),
);

survives(
  "a flood of calls that are begun and never ended",
  ({ port }) => flood(port, (index) => headers(idOf(index), callFields())),
);

survives("1 MiB of headers in one call", async ({ port }) => {
  const session = await openSession(port);
  const stream = startCall(session, { "x-large": "x".repeat(2 ** 20) });
  const ended = new Promise<void>((resolve) => stream.on("close", () => resolve()));
  const answered: unknown[] = [];
  stream.on("error", () => {});
  stream.on("response", (headers) => answered.push(headers["grpc-status"]));
  stream.end();
  await ended;
  session.destroy();
  assert.ok(!answered.includes("0"), "a call with 1 MiB of headers was answered OK");
});

survives("1 MiB of headers in CONTINUATION frames", async ({ port }) => {
  const large = headerBlock([["x-large", "x".repeat(2 ** 20)]]);
  await withPeer(port, async (peer) => {
    await peer.send(HELLO, headers(1, callFields(), Flag.NONE));
    for (let start = 0; start < large.length; start += 16_384) {
      const end = start + 16_384;
      const flags = end < large.length ? Flag.NONE : Flag.END_HEADERS;
      const part = large.subarray(start, end);
      if (!await peer.send(frame(FrameType.CONTINUATION, flags, 1, part))) return;
    }
    await peer.settle();
  });
});

survives("4,000 headers in one call", async ({ port }) => {
  const fields = Array.from({ length: 4_000 }, (_, index) => [`x-${index}`, ""] as const);
  const block = headerBlock([...callFields(), ...fields]);
  await withPeer(port, async (peer) => {
    for (const id of streamIds(20)) {
      await peer.send(
        ...(id === 1 ? [HELLO] : []),
        frame(FrameType.HEADERS, Flag.NONE, id, block.subarray(0, 16_000)),
        frame(FrameType.CONTINUATION, Flag.NONE, id, block.subarray(16_000, 32_000)),
        frame(FrameType.CONTINUATION, Flag.END_HEADERS, id, block.subarray(32_000)),
      );
    }
    await peer.settle();
  });
});
