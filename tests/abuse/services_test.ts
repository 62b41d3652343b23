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
import { answersOverTcp, survives } from "./survival.ts";

const WATCH = "/grpc.health.v1.Health/Watch";
const REFLECTION = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
const OLD_REFLECTION = "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
const paths = ["/grpc.health.v1.Health/Check", WATCH, REFLECTION, OLD_REFLECTION];

/** Field 7 of a reflection request: list_services. */
const LIST_SERVICES = Buffer.of(0x3a, 0);

const faults: Readonly<Record<string, Buffer>> = {
  "bytes that are not protobuf": grpcMessage(Buffer.alloc(64, 0xff)),
  "a truncated string": grpcMessage(Buffer.of(0x0a, 5, 0x41)),
  "a string that is not UTF-8": grpcMessage(Buffer.of(0x0a, 2, 0xc3, 0x28)),
  "a length prefix of 4 GiB": grpcMessage(LIST_SERVICES, 2 ** 32 - 1),
  "a compressed flag without an encoding": grpcMessage(LIST_SERVICES, LIST_SERVICES.length, 1),
};

for (const [name, body] of Object.entries(faults)) {
  survives(`health and reflection get ${name}`, async ({ port }) => {
    for (const path of paths) {
      await withPeer(port, async (peer) => {
        await peer.send(HELLO);
        for (const id of streamIds(20)) {
          await peer.send(
            headers(id, callFields({ ":path": path })),
            data(id, body, Flag.END_STREAM),
          );
        }
        await peer.settle();
      });
    }
  });
}

survives("2,000 health watches that are dropped", async (server) => {
  await withPeers(server.port, 20, async (peers) => {
    for (const peer of peers) {
      await peer.send(
        HELLO,
        ...streamIds(100).flatMap((id) => [
          headers(id, callFields({ ":path": WATCH })),
          data(id, grpcMessage(Buffer.alloc(0)), Flag.END_STREAM),
        ]),
      );
      await peer.settle();
    }
    await answersOverTcp(server);
  });
});

for (const path of [REFLECTION, OLD_REFLECTION]) {
  survives(`10,000 questions in one stream of ${path}`, async ({ port }) => {
    const questions = Buffer.concat(Array<Buffer>(100).fill(grpcMessage(LIST_SERVICES)));
    await withPeer(port, async (peer) => {
      await peer.send(HELLO, headers(1, callFields({ ":path": path })));
      for (let sent = 0; sent < 10_000; sent += 100) {
        if (!await peer.send(data(1, questions))) return;
      }
      await peer.settle();
    });
  });
}
