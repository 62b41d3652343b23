/** Connections that never become HTTP/2, or TLS where it is spoken. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import { call, CLIENT_HELLO, HELLO, PREFACE } from "../support/frames.ts";
import { cert, SERVE_TLS } from "../support/certs.ts";
import { connectPeer, withPeer, withPeers } from "../support/http2_peer.ts";
import { ask, GET_USER } from "../support/http_client.ts";
import type { Serve } from "../support/program.ts";
import { within } from "../support/waits.ts";
import { answersOverTcp, survives } from "./survival.ts";

type Openings = Readonly<Record<string, () => Buffer>>;

const overTls = {
  args: SERVE_TLS,
  answers: answersOverTls,
};

async function answersOverTls({ port }: Serve): Promise<void> {
  const reach = { port, tls: { ca: Deno.readFileSync(cert("ca.pem")) }, version: 2 } as const;
  const headers = { "content-type": "application/json" };
  const sent = { method: "POST", path: GET_USER, headers, body: '{"username":"Alice"}' };
  const answer = await within(1_000, "answer to a valid call", ask(reach, sent));
  assert.equal(String(answer.body), '{"message":"Привет, Alice!"}');
}

const REQUEST = "GET / HTTP/1.1\r\nHost: localhost\r\n";
const HTTP1: Openings = {
  "an HTTP/1.1 request": () => Buffer.from(`${REQUEST}\r\n`),
  "an HTTP/1.1 upgrade": () =>
    Buffer.from(
      `${REQUEST}Connection: Upgrade, HTTP2-Settings\r\n` +
        "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
    ),
};

const PLAIN: Openings = {
  "garbage": () => randomBytes(4_096),
  "a megabyte of garbage": () => randomBytes(2 ** 20),
  "zeros": () => Buffer.alloc(4_096),
  "a TLS hello": () => CLIENT_HELLO,
  "a preface with a wrong end": () => Buffer.concat([PREFACE.subarray(0, -1), Buffer.from("!!")]),
  "the head of a HEADERS frame of 16 MB": () =>
    Buffer.concat([HELLO, Buffer.from("ffffff010000000001", "hex"), randomBytes(4_096)]),
  "frames of garbage after the preface": () => Buffer.concat([HELLO, randomBytes(65_536)]),
};

const TLS: Openings = {
  "plain text": () => Buffer.concat([HELLO, call(1, "Alice")]),
  "an HTTP/1.1 request": HTTP1["an HTTP/1.1 request"]!,
  "garbage": () => randomBytes(4_096),
  "a record that is too long": () => Buffer.from([0x16, 3, 1, 0xff, 0xff, ...Array(64).fill(0)]),
  "a TLS hello with no cipher to agree on": () => CLIENT_HELLO,
  "a TLS hello and then garbage": () => Buffer.concat([CLIENT_HELLO, randomBytes(1_000)]),
};

for (
  const [openings, where, options] of [
    [PLAIN, "instead of a preface", {}],
    // It would be answered, and its connection kept: see http_test.ts.
    [HTTP1, "instead of a preface", { args: ["--no-http"] }],
    [TLS, "on the TLS port", overTls],
  ] as const
) {
  for (const [name, opening] of Object.entries(openings)) {
    survives(`${name} ${where}`, async ({ port }) => {
      for (let count = 0; count < 100; count++) {
        await withPeer(port, async (peer) => {
          await peer.send(opening());
          await peer.closed();
        });
        await hangUp(port, opening());
      }
    }, options);
  }
}

survives("half a preface, and then the end", async ({ port }) => {
  for (let length = 0; length < HELLO.length; length++) {
    await hangUp(port, HELLO.subarray(0, length));
  }
});

async function hangUp(port: number, bytes: Uint8Array): Promise<void> {
  const peer = await connectPeer(port);
  await peer.send(bytes);
  peer.close();
}

const halfTls = [0, 5, CLIENT_HELLO.length - 1].map((end) => CLIENT_HELLO.subarray(0, end));

for (
  const [what, beginnings, { answers, ...options }] of [
    [
      "never finish the preface",
      [Buffer.alloc(0), PREFACE.subarray(0, 10), PREFACE],
      { answers: answersOverTcp },
    ],
    ["stop in the TLS handshake", halfTls, overTls],
  ] as const
) {
  survives(`500 connections that ${what} are closed`, async (server) => {
    await withPeers(server.port, 500, async (peers) => {
      for (const [index, peer] of peers.entries()) {
        await peer.send(beginnings[index % beginnings.length]!);
      }
      await answers(server);
      await Promise.all(peers.map((peer) => peer.closed()));
    });
  }, { ...options, answers });
}

survives("200 connections that send a call a byte at a time", async (server) => {
  await withPeers(server.port, 200, async (peers) => {
    for (const byte of Buffer.concat([HELLO, call(1, "Alice")])) {
      await Promise.all(peers.map((peer) => peer.send(Buffer.of(byte))));
    }
    await answersOverTcp(server);
    await Promise.all(peers.map((peer) => peer.settle()));
  });
});
