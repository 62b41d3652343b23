/** More frames than any client would send. */
import { Buffer } from "node:buffer";
import {
  blockFrames,
  call,
  callFields,
  data,
  Flag,
  frame,
  FrameType,
  headerBlock,
  headers,
  HELLO,
  longHeaders,
  ping,
  rstStream,
  Setting,
  settings,
  streamIds,
  windowUpdate,
} from "../support/frames.ts";
import { withPeer } from "../support/http2_peer.ts";
import { survives } from "./survival.ts";

/** How many frames make one write. */
const BATCH = 500;

interface Flood {
  readonly frame: (index: number) => Buffer;
  /** What a connection starts with, behind the preface. */
  readonly opening?: Buffer;
  /** How many frames; 20,000 if it is not given. */
  readonly count?: number;
}

/**
 * Sends frame after frame. The server hangs up on most floods after a thousand frames, so a peer that
 * means it comes back on a new connection until all frames are sent.
 */
async function flood(
  port: number,
  { frame, opening = Buffer.alloc(0), count = 20_000 }: Flood,
): Promise<void> {
  for (let sent = 0; sent < count;) {
    await withPeer(port, async (peer) => {
      await peer.send(HELLO, opening);
      for (let index = 0; sent < count; index += BATCH) {
        const batch = Array.from({ length: BATCH }, (_, offset) => frame(index + offset));
        sent += BATCH;
        if (!await peer.send(...batch)) return;
      }
      await peer.settle();
    });
  }
}

const idOf = (index: number) => 2 * index + 1;
const begin = (index: number, changes = {}) => headers(idOf(index), callFields(changes));
const reset = (index: number) => rstStream(idOf(index));

const openCall = begin(0);
const callWithoutEnd = headers(1, callFields(), Flag.NONE);
const continuation = headerBlock([["x-flood", "x".repeat(1_000)]]);

const FLOODS: Readonly<Record<string, Flood>> = {
  "calls that are cancelled at once (rapid reset)": {
    frame: (index) => Buffer.concat([begin(index), reset(index)]),
  },
  "the same with a wrong content-type": {
    frame: (index) => Buffer.concat([begin(index, { "content-type": "text/html" }), reset(index)]),
  },
  "the same with whole calls": {
    frame: (index) => Buffer.concat([call(idOf(index), "Alice"), reset(index)]),
    count: 5_000,
  },
  "resets that the server makes itself (MadeYouReset)": {
    frame: (index) => Buffer.concat([begin(index), windowUpdate(idOf(index), 0)]),
  },
  "calls that are begun and never ended": { frame: (index) => begin(index) },
  "CONTINUATION": {
    frame: () => frame(FrameType.CONTINUATION, Flag.NONE, 1, continuation),
    opening: callWithoutEnd,
  },
  "empty CONTINUATION": {
    frame: () => frame(FrameType.CONTINUATION, Flag.NONE, 1),
    opening: callWithoutEnd,
  },
  "empty DATA": { frame: () => data(1), opening: openCall },
  "empty messages in one call": {
    frame: () => data(1, Buffer.alloc(5)),
    opening: openCall,
    count: 10_000,
  },
  "PING": { frame: (index) => ping(index) },
  "PING answers that nobody asked for": { frame: (index) => ping(index, Flag.ACK) },
  "SETTINGS": { frame: () => settings([Setting.INITIAL_WINDOW_SIZE, 65_535]) },
  "empty SETTINGS": { frame: () => settings() },
  "SETTINGS answers that nobody asked for": {
    frame: () => frame(FrameType.SETTINGS, Flag.ACK, 0),
  },
  "PRIORITY": {
    frame: (index) =>
      frame(FrameType.PRIORITY, Flag.NONE, idOf(index) + 2, Buffer.of(0, 0, 0, 1, 9)),
  },
  "WINDOW_UPDATE": { frame: () => windowUpdate(0, 1) },
  "unknown frames": { frame: () => frame(0xfa, Flag.NONE, 0, Buffer.alloc(64)) },
  "GOAWAY": { frame: () => frame(FrameType.GOAWAY, Flag.NONE, 0, Buffer.alloc(8)) },
};

for (const [name, what] of Object.entries(FLOODS)) {
  survives(`a flood of ${name}`, ({ port }) => flood(port, what));
}

survives("1 MiB of headers in CONTINUATION frames", async ({ port }) => {
  await withPeer(port, async (peer) => {
    const large = longHeaders(1, [...callFields(), ["x-large", "x".repeat(2 ** 20)]]);
    if (await peer.send(HELLO, large)) await peer.settle();
  });
});

survives("4,000 headers in one call", async ({ port }) => {
  await withPeer(port, async (peer) => {
    const fields = Array.from({ length: 4_000 }, (_, index) => [`x-${index}`, ""] as const);
    const block = headerBlock([...callFields(), ...fields]);
    await peer.send(HELLO);
    for (const id of streamIds(20)) await peer.send(...blockFrames(id, block));
    await peer.settle();
  });
});
