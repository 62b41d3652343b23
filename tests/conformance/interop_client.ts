/**
 * gRPC's interop client on grpc-js: `interop_client.ts DESCRIPTORS ADDRESS` calls a server of
 * `grpc.testing.TestService` and writes for each case a line to stdout, `ok NAME` or `FAILED NAME: why`.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md
 */
import "./http2.ts";
import { create, type Message } from "@bufbuild/protobuf";
import {
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
  status,
  type StatusObject,
} from "@grpc/grpc-js";
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { definitionOf, readDescriptors } from "./definitions.ts";

type Response = Message & {
  readonly payload?: { readonly body: Uint8Array };
  readonly aggregatedPayloadSize?: number;
};
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
const simple = (request: number, responseSize: number) =>
  make("SimpleRequest", { payload: payload(request), responseSize });
const streaming = (request: number, ...responses: number[]) =>
  make("StreamingOutputCallRequest", {
    payload: payload(request),
    responseParameters: responses.map((size) => make("ResponseParameters", { size })),
  });

const REQUESTS = [27182, 8, 1828, 45904], RESPONSES = [31415, 9, 2653, 58979];
const MIB = 2 ** 20;

function how(name: string, service = "TestService") {
  const methods = registry.getService(`grpc.testing.${service}`)!.methods;
  const { path, requestSerialize, responseDeserialize } = definitionOf(
    methods.find((method) => method.name === name)!,
  );
  return [path, requestSerialize, responseDeserialize as (bytes: Buffer) => Response] as const;
}

function unary(
  name: string,
  request: Message,
  service?: string,
): Promise<Response> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      ...how(name, service),
      request,
      (error, response) => error === null ? resolve(response!) : reject(error),
    );
  });
}

function inputStream() {
  let reply: (error: ServiceError | null, response?: Response) => void;
  // Not Promise.withResolvers, which Node has since version 22.
  const promise = new Promise<Response>((resolve, reject) => {
    reply = (error, response) => error === null ? resolve(response!) : reject(error);
  });
  const call = client.makeClientStreamRequest(...how("StreamingInputCall"), reply!);
  return { call, promise };
}

const outputStream = (request: Message): Reading =>
  client.makeServerStreamRequest(...how("StreamingOutputCall"), request);

const duplex = (metadata = new Metadata(), options = {}): Duplex =>
  client.makeBidiStreamRequest(...how("FullDuplexCall"), metadata, options);

const fails = (call: Promise<unknown>, code: status) =>
  assert.rejects(call, (error: ServiceError) => error.code === code);

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

async function large(request: number, response: number): Promise<void> {
  const { payload } = await unary("UnaryCall", simple(request, response));
  assert.equal(payload!.body.length, response);
}

/** Metadata that the server echoes, and what comes of it. */
async function echoed(call: { on(event: "metadata" | "status", listener: unknown): unknown }) {
  const [headers, { metadata }] = await Promise.all([
    new Promise<Metadata>((resolve) => call.on("metadata", resolve)),
    new Promise<StatusObject>((resolve) => call.on("status", resolve)),
  ]);
  assert.deepEqual(headers.get("x-grpc-test-echo-initial"), ["test_initial_metadata_value"]);
  assert.deepEqual(metadata.get("x-grpc-test-echo-trailing-bin"), [Buffer.from("ababab", "hex")]);
}

const cases: Readonly<Record<string, () => Promise<unknown>>> = {
  empty_unary: () => unary("EmptyCall", make("Empty")),
  large_unary: () => large(271828, 314159),
  async client_streaming() {
    const { call, promise } = inputStream();
    for (const size of REQUESTS) {
      call.write(make("StreamingInputCallRequest", { payload: payload(size) }));
    }
    call.end();
    assert.equal((await promise).aggregatedPayloadSize, 74922);
  },
  async server_streaming() {
    assert.deepEqual(await sizesOf(outputStream(streaming(0, ...RESPONSES))), RESPONSES);
  },
  async ping_pong() {
    const call = duplex();
    for (const [index, size] of REQUESTS.entries()) {
      await exchange(call, streaming(size, RESPONSES[index]!), RESPONSES[index]!);
    }
    call.end();
    await once(call, "end");
  },
  async empty_stream() {
    const call = duplex();
    call.end();
    assert.deepEqual(await sizesOf(call), []);
  },
  async half_duplex() {
    const call: Duplex = client.makeBidiStreamRequest(...how("HalfDuplexCall"));
    for (const size of RESPONSES) call.write(streaming(10, size));
    call.end();
    assert.deepEqual(await sizesOf(call), RESPONSES);
  },
  async timeout_on_sleeping_server() {
    const call = duplex(new Metadata(), { deadline: Date.now() + 1 });
    call.write(streaming(27182));
    await fails(sizesOf(call), status.DEADLINE_EXCEEDED);
  },
  async cancel_after_begin() {
    const { call, promise } = inputStream();
    call.cancel();
    await fails(promise, status.CANCELLED);
  },
  async cancel_after_first_response() {
    const call = duplex();
    await exchange(call, streaming(27182, 31415), 31415);
    call.cancel();
    await fails(sizesOf(call), status.CANCELLED);
  },
  async status_code_and_message() {
    const responseStatus = { code: 2, message: "test status message" };
    const told = { code: 2, details: responseStatus.message };
    await assert.rejects(unary("UnaryCall", make("SimpleRequest", { responseStatus })), told);
    const call = duplex();
    call.end(make("StreamingOutputCallRequest", { responseStatus }));
    await assert.rejects(sizesOf(call), told);
  },
  special_status_message() {
    const message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
    const request = make("SimpleRequest", { responseStatus: { code: 2, message } });
    return assert.rejects(unary("UnaryCall", request), { code: 2, details: message });
  },
  async custom_metadata() {
    const metadata = new Metadata();
    metadata.set("x-grpc-test-echo-initial", "test_initial_metadata_value");
    metadata.set("x-grpc-test-echo-trailing-bin", Buffer.from("ababab", "hex"));
    await echoed(client.makeUnaryRequest(...how("UnaryCall"), simple(1, 1), metadata, () => {}));
    const call = duplex(metadata);
    const both = echoed(call);
    await exchange(call, streaming(1, 1), 1);
    call.end();
    await both;
  },
  unimplemented_method: () =>
    fails(unary("UnimplementedCall", make("Empty")), status.UNIMPLEMENTED),
  unimplemented_service: () =>
    fails(unary("UnimplementedCall", make("Empty"), "UnimplementedService"), status.UNIMPLEMENTED),
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
        await fails(sizesOf(call), status.CANCELLED);
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
