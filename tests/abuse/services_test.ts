/** The services beside the contract's own: health, with a stream of answers, and reflection. */
import { Buffer } from "node:buffer";
import {
  callFields,
  data,
  Flag,
  grpcMessage,
  headers,
  HELLO,
  streamIds,
} from "../support/frames.ts";
import { withPeer, withPeers } from "../support/http2_peer.ts";
import { wireCases } from "../support/wire_cases.ts";
import { answersOverTcp, survives } from "./survival.ts";

const WATCH = "/grpc.health.v1.Health/Watch";
const REFLECTION = ["v1", "v1alpha"].map((version) =>
  `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`
);

/** Field 7 of a reflection request: list_services. */
const LIST_SERVICES = Buffer.of(0x3a, 0);

const calls = (ids: readonly number[], path: string, message: Buffer) =>
  ids.flatMap((id) => [
    headers(id, callFields({ ":path": path })),
    data(id, message, Flag.END_STREAM),
  ]);

// How they answer is asserted by tests/contract/decoding_test.ts.
survives("health and reflection get what is not their message", async ({ port }) => {
  const short = wireCases.map(({ bytes }) => bytes).filter(({ length }) => length < 16_384);
  for (const message of [...short, grpcMessage(LIST_SERVICES, 2 ** 32 - 1)]) {
    for (const path of ["/grpc.health.v1.Health/Check", WATCH, ...REFLECTION]) {
      await withPeer(port, async (peer) => {
        await peer.send(HELLO, ...calls(streamIds(20), path, message));
        await peer.settle();
      });
    }
  }
});

survives("2,000 health watches that are dropped", async (server) => {
  await withPeers(server.port, 20, async (peers) => {
    for (const peer of peers) {
      await peer.send(HELLO, ...calls(streamIds(100), WATCH, grpcMessage(Buffer.alloc(0))));
      await peer.settle();
    }
    await answersOverTcp(server);
  });
});

for (const path of REFLECTION) {
  survives(`10,000 questions in one stream of ${path}`, async ({ port }) => {
    await withPeer(port, async (peer) => {
      const questions = Buffer.concat(Array<Buffer>(100).fill(grpcMessage(LIST_SERVICES)));
      await peer.send(HELLO, headers(1, callFields({ ":path": path })));
      for (let sent = 0; sent < 10_000; sent += 100) {
        if (!await peer.send(data(1, questions))) return;
      }
      await peer.settle();
    });
  });
}
