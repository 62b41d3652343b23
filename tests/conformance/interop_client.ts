/**
 * A client of gRPC's interop server on grpc-js, for what connectrpc's suite has no cases for:
 * `interop_client.ts DESCRIPTORS ADDRESS` calls a server of `grpc.testing.TestService` and writes for
 * each case a line to stdout, `ok NAME` or `FAILED NAME: why`.
 */
import "./http2.ts";
import { create, type Message } from "@bufbuild/protobuf";
import {
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  status,
} from "@grpc/grpc-js";
import assert from "node:assert/strict";
import type { Buffer } from "node:buffer";
import { once } from "node:events";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { definitionOf, readDescriptors } from "./definitions.ts";

type Response = Message & { readonly payload?: { readonly body: Uint8Array } };
type Reading = ClientReadableStream<Response>;
type Duplex = ClientDuplexStream<Message, Response>;

const [descriptors, address] = process.argv.slice(2);
const registry = readDescriptors(descriptors!);
const client = new Client(address!, credentials.createInsecure(), {
  "grpc.enable_http_proxy": 0,
  "grpc.max_receive_message_length": -1,
});

const make = (name: string, fields: Record<string, unknown> = {}) =>
  create(registry.getMessage(`grpc.testing.${name}`)!, fields);
const payload = (size: number) => make("Payload", { body: new Uint8Array(size) });
const streaming = (request: number, ...responses: number[]) =>
  make("StreamingOutputCallRequest", {
    payload: payload(request),
    responseParameters: responses.map((size) => make("ResponseParameters", { size })),
  });

const MIB = 2 ** 20;

const { methods } = registry.getService("grpc.testing.TestService")!;

function how(name: string) {
  const { path, requestSerialize, responseDeserialize } = definitionOf(
    methods.find((method) => method.name === name)!,
  );
  return [path, requestSerialize, responseDeserialize as (bytes: Buffer) => Response] as const;
}

const outputStream = (request: Message): Reading =>
  client.makeServerStreamRequest(...how("StreamingOutputCall"), request);

const duplex = (): Duplex => client.makeBidiStreamRequest(...how("FullDuplexCall"));

/** The sizes of the responses that come, to the end; throws what the call fails with. */
async function sizesOf(call: Reading | Duplex): Promise<number[]> {
  const sizes: number[] = [];
  for await (const { payload } of call as AsyncIterable<Response>) sizes.push(payload!.body.length);
  return sizes;
}

/** Sends a request and waits for its response. */
async function exchange(call: Duplex, request: Message, size: number): Promise<void> {
  call.write(request);
  const [{ payload }] = await once(call, "data") as [Response];
  assert.equal(payload!.body.length, size);
}

async function large(request: number, responseSize: number): Promise<void> {
  const sent = make("SimpleRequest", { payload: payload(request), responseSize });
  const { payload: received } = await new Promise<Response>((resolve, reject) => {
    client.makeUnaryRequest(
      ...how("UnaryCall"),
      sent,
      (error, response) => error === null ? resolve(response!) : reject(error),
    );
  });
  assert.equal(received!.body.length, responseSize);
}

const cases: Readonly<Record<string, () => Promise<unknown>>> = {
  async empty_stream() {
    const call = duplex();
    call.end();
    assert.deepEqual(await sizesOf(call), []);
  },
  // A server of grpc-go takes no more than 4 MiB.
  async large_messages() {
    await large(4 * MIB - 100, 0);
    await large(0, 24 * MIB);
    await large(4 * MIB - 100, 24 * MIB);
  },
  /** Sizes about those of frames and windows. */
  async messages_of_any_size() {
    const call = duplex();
    for (const around of [16, 1 << 10, 1 << 14, 1 << 15, 65535, 1 << 18]) {
      for (let size = around - 16; size <= around + 16; size++) {
        await exchange(call, streaming(size, size), size);
      }
    }
    call.end();
    await once(call, "end");
  },
  /** A call whose responses are read slowly does not hold up another. */
  async slow_reader() {
    const sizes = Array<number>(64).fill(256 << 10);
    const call = outputStream(streaming(0, ...sizes));
    let count = 0;
    for await (const { payload } of call as AsyncIterable<Response>) {
      assert.equal(payload!.body.length, sizes[count++]);
      await large(10, 10);
      await setTimeout(5);
    }
    assert.equal(count, sizes.length);
  },
  /** Requests pile up before a server that answers each of them late. */
  async slow_server() {
    const call = duplex();
    for (let i = 0; i < 64; i++) {
      const request = streaming(256 << 10, 1) as Message & {
        readonly responseParameters: [{ intervalUs: number }];
      };
      request.responseParameters[0].intervalUs = 5000;
      call.write(request);
    }
    call.end();
    assert.equal((await sizesOf(call)).length, 64);
  },
  /** The connection has all of its window after calls were cancelled with data on its way. */
  async cancelled_streams() {
    await atOnce(16, async () => {
      for (let i = 0; i < 32; i++) {
        const call = duplex();
        await exchange(call, streaming(100_000, 100_000, 100_000, 100_000), 100_000);
        call.cancel();
        await assert.rejects(sizesOf(call), { code: status.CANCELLED });
      }
      await large(MIB, MIB);
    });
  },
  concurrent_unary: () => atOnce(1000, () => large(1000, 1000)),
  /** All streams are open before the first of them ends. */
  async concurrent_streams() {
    const calls = Array.from({ length: 1000 }, () => duplex());
    await Promise.all(calls.map((call) => exchange(call, streaming(100, 1000), 1000)));
    await Promise.all(calls.map(async (call) => {
      await exchange(call, streaming(1000, 100), 100);
      call.end();
      await once(call, "end");
    }));
  },
};

function atOnce(count: number, run: () => Promise<unknown>): Promise<unknown> {
  return Promise.all(Array.from({ length: count }, run));
}

for (const [name, run] of Object.entries(cases)) {
  const late = setTimeout(60_000, "it takes too long", { ref: false }).then((why) => {
    throw new Error(why);
  });
  try {
    await Promise.race([run(), late]);
    console.log(`ok ${name}`);
  } catch (error) {
    console.log(`FAILED ${name}: ${error instanceof Error ? error.message : error}`);
  }
}
process.exit();
