/** Peers that do not read, do not go on, or leave in the middle. */
import { Buffer } from "node:buffer";
import {
  call,
  callFields,
  data,
  Flag,
  grpcMessage,
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

const noWindow = Buffer.concat([PREFACE, settings([Setting.INITIAL_WINDOW_SIZE, 0])]);

/** Sends whole calls, 100 in one write, until the server hangs up. */
async function sendCalls(peer: Peer, count: number): Promise<void> {
  const ids = streamIds(count);
  for (let sent = 0; sent < count; sent += 100) {
    const batch = ids.slice(sent, sent + 100).map((id) => call(id, NAME));
    if (!await peer.send(...batch)) return;
  }
}

async function sendPings(peer: Peer): Promise<void> {
  for (let sent = 0; sent < 20_000; sent += 500) {
    const batch = Array.from({ length: 500 }, (_, index) => ping(sent + index));
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

survives("20 peers with windows of zero, 100 calls each", async (server) => {
  await withPeers(server.port, 20, async (peers) => {
    for (const peer of peers) {
      await peer.send(noWindow);
      await sendCalls(peer, 100);
      await peer.settle();
    }
    await answersOverTcp(server);
  });
});

survives("a peer with a window of zero that calls 5,000 times", async (server) => {
  await withPeer(server.port, async (peer) => {
    await peer.send(noWindow);
    await sendCalls(peer, 5_000);
    await peer.settle();
    await answersOverTcp(server);
  });
});

survives("a peer that never enlarges its window and calls 20,000 times", async (server) => {
  await withPeer(server.port, async (peer) => {
    await peer.send(HELLO);
    await sendCalls(peer, 20_000);
    await peer.settle();
    await answersOverTcp(server);
  });
});

survives("a peer that never reads and calls 20,000 times", async (server) => {
  await withPeers(server.port, 1, async ([peer]) => {
    const wide = settings([Setting.INITIAL_WINDOW_SIZE, MAX_WINDOW]);
    await peer!.send(PREFACE, wide, windowUpdate(0, MAX_WINDOW - 65_535));
    // A server that stops reading would make the last write wait for ever.
    await untilStuck(sendCalls(peer!, 20_000));
    await answersOverTcp(server);
  }, { reads: false });
});

survives("a peer that never reads and pings 20,000 times", async (server) => {
  await withPeers(server.port, 1, async ([peer]) => {
    await peer!.send(HELLO);
    await untilStuck(sendPings(peer!));
    await answersOverTcp(server);
  }, { reads: false });
});

survives("200 calls that stop in mid-message", async (server) => {
  await withPeers(server.port, 200, async (peers) => {
    for (const peer of peers) {
      await peer.send(HELLO, headers(1, callFields()), data(1, Buffer.of(0, 0, 0)));
      await peer.settle();
    }
    await answersOverTcp(server);
  });
});

survives("200 resets in mid-call", async ({ port }) => {
  for (let count = 0; count < 200; count++) {
    await withPeer(port, async (peer) => {
      await peer.send(HELLO, headers(1, callFields()), data(1, Buffer.of(0, 0, 0)));
      await peer.settle();
      await peer.send(rstStream(1));
      await peer.settle();
    });
  }
});

survives("200 peers that are gone in mid-call", async ({ port }) => {
  for (let count = 0; count < 200; count++) {
    await withPeer(port, async (peer) => {
      await peer.send(HELLO, headers(1, callFields()), data(1, Buffer.of(0, 0, 0)));
      await peer.settle();
    });
    await withPeer(port, async (peer) => {
      await peer.send(HELLO, call(1, NAME));
    });
  }
});

survives("200 peers that reset their connections (TCP RST)", async ({ port }) => {
  await withPeers(port, 200, async (peers) => {
    // Closing a socket whose receive buffer is not empty resets the connection.
    for (const peer of peers) await peer.send(HELLO, call(1, NAME));
  }, { reads: false });
});

survives("50 messages of almost 4 MiB, none of them finished", async (server) => {
  const size = 4 * 2 ** 20 - 1;
  const chunk = Buffer.alloc(16_384);
  await withPeers(server.port, 50, async (peers) => {
    for (const peer of peers) {
      await peer.send(HELLO, headers(1, callFields()), data(1, grpcMessage(Buffer.alloc(0), size)));
      // The first window of a connection, without waiting for more.
      for (let sent = 5; sent + chunk.length < 65_535; sent += chunk.length) {
        await peer.send(data(1, chunk, Flag.NONE));
      }
      await peer.settle();
    }
    await answersOverTcp(server);
  });
});
