/** Connections that never become HTTP/2. */
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { call, CLIENT_HELLO, HELLO, PREFACE } from "../support/frames.ts";
import { connectPeer, withPeer, withPeers } from "../support/http2_peer.ts";
import { answersOverTcp, survives } from "./survival.ts";

const CONNECTIONS = 100;

const openings: Readonly<Record<string, () => Buffer>> = {
  "garbage": () => randomBytes(4_096),
  "a megabyte of garbage": () => randomBytes(2 ** 20),
  "zeros": () => Buffer.alloc(4_096),
  "an HTTP/1.1 request": () => Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
  "an HTTP/1.1 upgrade": () =>
    Buffer.from(
      "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\n" +
        "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    ),
  "a TLS hello": () => CLIENT_HELLO,
  "a preface with a wrong end": () => Buffer.concat([PREFACE.subarray(0, -1), Buffer.from("!!")]),
  "the head of a HEADERS frame of 16 MB": () =>
    Buffer.concat([HELLO, Buffer.from("ffffff010000000001", "hex"), randomBytes(4_096)]),
  "frames of garbage after the preface": () => Buffer.concat([HELLO, randomBytes(65_536)]),
};

for (const [name, opening] of Object.entries(openings)) {
  survives(`${name} instead of a preface`, async ({ port }) => {
    for (let count = 0; count < CONNECTIONS; count++) {
      await withPeer(port, async (peer) => {
        await peer.send(opening());
        await peer.closed();
      });
      await hangUp(port, opening());
    }
    // HTTP/1.1 would be answered, and its connection kept: see http_test.ts.
  }, { args: name.startsWith("an HTTP/1.1") ? ["--no-http"] : [] });
}

survives("half a preface, and then the end", async ({ port }) => {
  for (let length = 0; length < HELLO.length; length++) {
    await hangUp(port, HELLO.subarray(0, length));
  }
});

survives("500 connections that never finish the preface are closed", async (server) => {
  const openings = [Buffer.alloc(0), PREFACE.subarray(0, 10), PREFACE];
  await withPeers(server.port, 500, async (peers) => {
    for (const [index, peer] of peers.entries()) {
      await peer.send(openings[index % openings.length]!);
    }
    await answersOverTcp(server);
    await Promise.all(peers.map((peer) => peer.closed()));
  });
});

survives("200 connections that send a call a byte at a time", async (server) => {
  await withPeers(server.port, 200, async (peers) => {
    for (const byte of Buffer.concat([HELLO, call(1, "Alice")])) {
      await Promise.all(peers.map((peer) => peer.send(Buffer.of(byte))));
    }
    await answersOverTcp(server);
    await Promise.all(peers.map((peer) => peer.settle()));
  });
});

async function hangUp(port: number, bytes: Uint8Array): Promise<void> {
  const peer = await connectPeer(port);
  await peer.send(bytes);
  peer.close();
}
