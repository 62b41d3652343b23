/** Calls whose message is not what the contract says. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { deflateSync, gzipSync } from "node:zlib";
import type { OutgoingHeaders } from "../../src/http2/hpack_encoder.ts";
import { getUserRequest, grpcMessage } from "../support/frames.ts";
import { openSession, sendMessage, startCall } from "../support/raw_client.ts";
import { wireCases } from "../support/wire_cases.ts";
import { survives } from "./survival.ts";

/** gRPC status codes. @see https://grpc.io/docs/guides/status-codes/ */
const [OK, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL] = [0, 8, 12, 13];

type Case = readonly [status: number, body: Uint8Array, headers?: OutgoingHeaders];

const valid = getUserRequest("Alice");
const message = grpcMessage(valid);
const bomb = Buffer.alloc(256 * 2 ** 20);
const compressed = (bytes: Uint8Array) => grpcMessage(bytes, bytes.length, 1);
const encoding = (name: string) => ({ "grpc-encoding": name });
const bytes = (...values: number[]) => grpcMessage(Buffer.from(values));

/** Those that tests/support/wire_cases.ts does not have. */
const CASES: Readonly<Record<string, Case>> = {
  "no message": [UNIMPLEMENTED, Buffer.alloc(0)],
  "two messages": [UNIMPLEMENTED, Buffer.concat([message, message])],
  "a length prefix of 4 GiB": [RESOURCE_EXHAUSTED, grpcMessage(valid, 2 ** 32 - 1)],
  "a length prefix that promises more than comes": [
    UNIMPLEMENTED,
    grpcMessage(valid, valid.length + 1),
  ],
  "a length prefix that is cut off": [UNIMPLEMENTED, Buffer.of(0, 0, 0)],
  "an unknown flag": [INTERNAL, grpcMessage(valid, valid.length, 2)],
  "gzip": [OK, compressed(gzipSync(valid)), encoding("gzip")],
  "a compressed flag with the encoding identity": [
    INTERNAL,
    compressed(valid),
    encoding("identity"),
  ],
  "an unknown encoding": [UNIMPLEMENTED, compressed(valid), encoding("snappy")],
  "gzip that is garbage": [INTERNAL, compressed(Buffer.alloc(64, 7)), encoding("gzip")],
  "gzip that is cut off": [
    INTERNAL,
    compressed(gzipSync(valid).subarray(0, -4)),
    encoding("gzip"),
  ],
  "gzip of more than 4 MiB": [RESOURCE_EXHAUSTED, compressed(gzipSync(bomb)), encoding("gzip")],
  "deflate of more than 4 MiB": [
    RESOURCE_EXHAUSTED,
    compressed(deflateSync(bomb)),
    encoding("deflate"),
  ],
  "a tag without a value": [INTERNAL, bytes(0x0a)],
  "a string of 4 GiB": [INTERNAL, bytes(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x41)],
  "a varint of eleven bytes": [INTERNAL, bytes(...Array<number>(10).fill(0xff), 1)],
  "a surrogate in UTF-8": [INTERNAL, bytes(0x0a, 3, 0xed, 0xa0, 0x80)],
};

for (const [name, [status, body, headers]] of Object.entries(CASES)) {
  survives(`${name} is answered with ${status}`, async ({ port }) => {
    for (let count = 0; count < 20; count++) {
      assert.equal(await statusOf(port, body, headers), `${status}`);
    }
  });
}

// Their statuses are asserted by tests/contract/decoding_test.ts.
survives(
  "20 of each message that grpc-go refuses, or reads otherwise than one would think",
  async ({ port }) => {
    for (const { what, bytes } of wireCases) {
      for (let count = 0; count < 20; count++) {
        assert.match(await statusOf(port, bytes), /^\d+$/, what);
      }
    }
  },
);

survives("unknown methods and services are answered with 12", async ({ port }) => {
  for (
    const path of [
      ...["Nothing", "getUser", "", "GetUser/", "GetUser?x=1"].map((name) =>
        `/userservice.UserService/${name}`
      ),
      ...["/no.Service/GetUser", "/", "*", "/__proto__", "/constructor/toString"],
    ]
  ) {
    assert.equal(await statusOf(port, message, { ":path": path }), `${UNIMPLEMENTED}`, path);
  }
});

async function statusOf(
  port: number,
  body: Uint8Array,
  headers?: OutgoingHeaders,
): Promise<string> {
  const session = await openSession(port);
  try {
    return (await sendMessage(startCall(session, headers), body)).status;
  } finally {
    session.destroy();
  }
}
