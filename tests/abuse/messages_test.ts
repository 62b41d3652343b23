/** Calls whose message is not what the contract says. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { OutgoingHeaders } from "../../src/http2/hpack_encoder.ts";
import { deflateSync, gzipSync } from "node:zlib";
import { type Answer, openSession, sendMessage, startCall } from "../support/raw_client.ts";
import { getUserRequest, grpcMessage } from "../support/frames.ts";
import { survives } from "./survival.ts";

const MAX_MESSAGE = 4 * 2 ** 20;

/** gRPC status codes. @see https://grpc.io/docs/guides/status-codes/ */
const [OK, INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNIMPLEMENTED, INTERNAL] = [0, 3, 8, 12, 13];

interface Case {
  readonly body: Buffer;
  readonly headers?: OutgoingHeaders;
  readonly status: number;
}

const valid = getUserRequest("Alice");
const oneByte = (...bytes: number[]) => grpcMessage(Buffer.from(bytes));
const compressed = (bytes: Uint8Array) => grpcMessage(bytes, bytes.length, 1);
const encoding = (name: string) => ({ "grpc-encoding": name });

const cases: Readonly<Record<string, Case>> = {
  "no message": { body: Buffer.alloc(0), status: UNIMPLEMENTED },
  "two messages": {
    body: Buffer.concat([grpcMessage(valid), grpcMessage(valid)]),
    status: UNIMPLEMENTED,
  },
  "a message over 4 MiB": {
    body: grpcMessage(Buffer.alloc(MAX_MESSAGE + 1)),
    status: RESOURCE_EXHAUSTED,
  },
  "a length prefix of 4 GiB": { body: grpcMessage(valid, 2 ** 32 - 1), status: RESOURCE_EXHAUSTED },
  "a length prefix that promises more than comes": {
    body: grpcMessage(valid, valid.length + 1),
    status: UNIMPLEMENTED,
  },
  "a length prefix that is cut off": {
    body: Buffer.of(0, 0, 0),
    status: UNIMPLEMENTED,
  },
  "a compressed flag without an encoding": { body: compressed(valid), status: INTERNAL },
  "a compressed flag with the encoding identity": {
    body: compressed(valid),
    headers: encoding("identity"),
    status: INTERNAL,
  },
  "an unknown flag": { body: grpcMessage(valid, valid.length, 2), status: INTERNAL },
  "an unknown encoding": {
    body: compressed(valid),
    headers: encoding("snappy"),
    status: UNIMPLEMENTED,
  },
  "gzip that is garbage": {
    body: compressed(Buffer.alloc(64, 7)),
    headers: encoding("gzip"),
    status: INTERNAL,
  },
  "gzip that is cut off": {
    body: compressed(gzipSync(valid).subarray(0, -4)),
    headers: encoding("gzip"),
    status: INTERNAL,
  },
  "gzip of more than 4 MiB": {
    body: compressed(gzipSync(Buffer.alloc(256 * 2 ** 20))),
    headers: encoding("gzip"),
    status: RESOURCE_EXHAUSTED,
  },
  "deflate of more than 4 MiB": {
    body: compressed(deflateSync(Buffer.alloc(256 * 2 ** 20))),
    headers: encoding("deflate"),
    status: RESOURCE_EXHAUSTED,
  },
  "bytes that are not protobuf": { body: grpcMessage(Buffer.alloc(64, 0xff)), status: INTERNAL },
  "a tag without a value": { body: oneByte(0x0a), status: INTERNAL },
  "a truncated string": { body: oneByte(0x0a, 5, 0x41), status: INTERNAL },
  "a string of 4 GiB": {
    body: oneByte(0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x41),
    status: INTERNAL,
  },
  "a wrong wire type": { body: oneByte(0x08, 1), status: INVALID_ARGUMENT },
  "field number 0": { body: oneByte(0x02, 1, 0x41), status: INTERNAL },
  "an end of a group that was not begun": { body: oneByte(0x0c), status: INTERNAL },
  "a wire type that does not exist": { body: oneByte(0x0f, 1), status: INTERNAL },
  "a varint of eleven bytes": {
    body: oneByte(...Array<number>(10).fill(0xff), 1),
    status: INTERNAL,
  },
  "groups, 100,000 deep": { body: grpcMessage(Buffer.alloc(100_000, 0x13)), status: INTERNAL },
  "a string that is not UTF-8": { body: oneByte(0x0a, 2, 0xc3, 0x28), status: INTERNAL },
  "a surrogate in UTF-8": { body: oneByte(0x0a, 3, 0xed, 0xa0, 0x80), status: INTERNAL },
  "a field that is not in the contract": {
    body: grpcMessage(Buffer.concat([valid, Buffer.of(0x10, 1)])),
    status: OK,
  },
  "an empty message": { body: grpcMessage(Buffer.alloc(0)), status: INVALID_ARGUMENT },
  "gzip": { body: compressed(gzipSync(valid)), headers: encoding("gzip"), status: OK },
};

for (const [name, { body, headers, status }] of Object.entries(cases)) {
  survives(`${name} is answered with ${status}`, async ({ port }) => {
    for (let count = 0; count < 20; count++) {
      assert.equal((await callWith(port, body, headers)).status, `${status}`);
    }
  });
}

const paths: readonly string[] = [
  "/userservice.UserService/Nothing",
  "/userservice.UserService/getUser",
  "/userservice.UserService/",
  "/no.Service/GetUser",
  "/",
  "*",
  "/userservice.UserService/GetUser/",
  "/userservice.UserService/GetUser?x=1",
  "/__proto__",
  "/constructor/toString",
];

survives("unknown methods and services are answered with 12", async ({ port }) => {
  for (const path of paths) {
    const answer = await callWith(port, grpcMessage(valid), { ":path": path });
    assert.equal(answer.status, `${UNIMPLEMENTED}`, path);
  }
});

async function callWith(
  port: number,
  body: Uint8Array,
  headers?: OutgoingHeaders,
): Promise<Answer> {
  const session = await openSession(port);
  try {
    return await sendMessage(startCall(session, headers), body);
  } finally {
    session.destroy();
  }
}
