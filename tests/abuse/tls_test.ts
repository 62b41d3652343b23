/** Peers of a TLS port that do not speak TLS, or stop in the middle of it. */
import { Buffer } from "node:buffer";
import { randomBytes } from "node:crypto";
import assert from "node:assert/strict";
import { cert } from "../support/grpc_peer.ts";
import type { Serve } from "../support/program.ts";
import { call, CLIENT_HELLO, HELLO } from "../support/frames.ts";
import { connectPeer, withPeer, withPeers } from "../support/http2_peer.ts";
import { survives } from "./survival.ts";

const CONNECTIONS = 100;

const options = {
  args: ["--tls-cert", cert("server.pem"), "--tls-key", cert("server.key")],
  answers: answersOverTls,
};

async function answersOverTls({ port }: Serve): Promise<void> {
  const { credentials } = await import("@grpc/grpc-js");
  const { loadContract } = await import("../../src/contract/contract.ts");
  const { UserService } = await loadContract();
  const ca = Buffer.from(await Deno.readFile(cert("ca.pem")));
  const client = new UserService(`localhost:${port}`, credentials.createSsl(ca));
  try {
    const message = await new Promise((resolve, reject) =>
      client.getUser(
        { username: "Alice" },
        { deadline: Date.now() + 1_000 },
        (error, response) => error ? reject(error) : resolve(response?.message),
      )
    );
    assert.equal(message, "Привет, Alice!");
  } finally {
    client.close();
  }
}

const openings: Readonly<Record<string, () => Buffer>> = {
  "plain text": () => Buffer.concat([HELLO, call(1, "Alice")]),
  "an HTTP/1.1 request": () => Buffer.from("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
  "garbage": () => randomBytes(4_096),
  "a record that is too long": () => Buffer.from([0x16, 3, 1, 0xff, 0xff, ...Array(64).fill(0)]),
  "a TLS hello with no cipher to agree on": () => CLIENT_HELLO,
  "a TLS hello and then garbage": () => Buffer.concat([CLIENT_HELLO, randomBytes(1_000)]),
};

for (const [name, opening] of Object.entries(openings)) {
  survives(`${name} on the TLS port`, async ({ port }) => {
    for (let count = 0; count < CONNECTIONS; count++) {
      await withPeer(port, async (peer) => {
        await peer.send(opening());
        await peer.closed();
      });
      const peer = await connectPeer(port);
      await peer.send(opening());
      peer.close();
    }
  }, options);
}

survives("200 connections that stop in the TLS handshake are closed", async (server) => {
  const halves = [0, 5, CLIENT_HELLO.length - 1].map((end) => CLIENT_HELLO.subarray(0, end));
  await withPeers(server.port, 200, async (peers) => {
    for (const [index, peer] of peers.entries()) await peer.send(halves[index % halves.length]!);
    await answersOverTls(server);
    await Promise.all(peers.map((peer) => peer.closed()));
  });
}, options);
