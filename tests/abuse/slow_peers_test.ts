/** Peers that do not read, do not go on, or leave in the middle. */
import { Buffer } from "node:buffer";
import {
  call,
  callFields,
  data,
  headers,
  HELLO,
  MAX_WINDOW,
  ping,
  PREFACE,
  rstStream,
  Setting,
  settings,
  streamIds,
  windowUpdate,
} from "../support/frames.ts";
import { type Peer, withPeer, withPeers } from "../support/http2_peer.ts";
import { answersOverTcp, survives } from "./survival.ts";

const NAME = "x".repeat(100);

/** After how long a server that has not taken all of it will not, in milliseconds. */
const STUCK_MS = 3_000;

/** Sends frames, 100 in one write, until the server hangs up. */
async function sendAll(peer: Peer, count: number, frame: (id: number) => Buffer): Promise<void> {
  const ids = streamIds(count);
  for (let sent = 0; sent < count; sent += 100) {
    const batch = ids.slice(sent, sent + 100).map((id) => frame(id));
    if (!await peer.send(...batch)) return;
  }
}

/** Waits for the end of sending, or until the server has surely stopped to read. */
async function untilStuck(sending: Promise<void>): Promise<void> {
  const { promise: stuck, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, STUCK_MS);
  await Promise.race([sending, stuck]);
  clearTimeout(timer);
}

const wholeCall = (id: number) => call(id, NAME);

const noWindow = Buffer.concat([PREFACE, settings([Setting.INITIAL_WINDOW_SIZE, 0])]);

/** What a connection starts with, how many there are, and how often each calls. */
const NARROW: Readonly<Record<string, readonly [opening: Buffer, peers: number, calls: number]>> = {
  "20 peers with windows of zero, 100 calls each": [noWindow, 20, 100],
  "a peer with a window of zero that calls 5,000 times": [noWindow, 1, 5_000],
  "a peer that never enlarges its window and calls 20,000 times": [HELLO, 1, 20_000],
};

for (const [name, [opening, count, calls]] of Object.entries(NARROW)) {
  survives(name, async (server) => {
    await withPeers(server.port, count, async (peers) => {
      for (const peer of peers) {
        await peer.send(opening);
        await sendAll(peer, calls, wholeCall);
        await peer.settle();
      }
      await answersOverTcp(server);
    });
  });
}

const wide = Buffer.concat([
  PREFACE,
  settings([Setting.INITIAL_WINDOW_SIZE, MAX_WINDOW]),
  windowUpdate(0, MAX_WINDOW - 65_535),
]);

for (
  const [what, opening, frame] of [["calls", wide, wholeCall], ["pings", HELLO, ping]] as const
) {
  survives(`a peer that never reads and ${what} 20,000 times`, async (server) => {
    await withPeers(server.port, 1, async ([peer]) => {
      await peer!.send(opening);
      // A server that stops reading would make the last write wait for ever.
      await untilStuck(sendAll(peer!, 20_000, frame));
      await answersOverTcp(server);
    }, { reads: false });
  });
}

/** A call whose message has begun. */
const begun = [HELLO, headers(1, callFields()), data(1, Buffer.of(0, 0, 0))];

survives("200 calls that stop in mid-message", async (server) => {
  await withPeers(server.port, 200, async (peers) => {
    for (const peer of peers) {
      await peer.send(...begun);
      await peer.settle();
    }
    await answersOverTcp(server);
  });
});

survives("200 peers that reset their call in mid-message, or are gone", async ({ port }) => {
  for (let count = 0; count < 200; count++) {
    await withPeer(port, async (peer) => {
      await peer.send(...begun);
      await peer.settle();
      await peer.send(rstStream(1));
      await peer.settle();
    });
    await withPeer(port, async (peer) => {
      await peer.send(...begun);
      await peer.settle();
    });
    await withPeer(port, async (peer) => void await peer.send(HELLO, call(1, NAME)));
  }
});

survives("200 peers that reset their connections (TCP RST)", async ({ port }) => {
  await withPeers(port, 200, async (peers) => {
    // Closing a socket whose receive buffer is not empty resets the connection.
    for (const peer of peers) await peer.send(HELLO, call(1, NAME));
  }, { reads: false });
});
