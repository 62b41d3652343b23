/**
 * `grpc.testing.TestService` on grpc-js, as gRPC's interop clients want it: `interop_server.ts
 * DESCRIPTORS` writes the number of its port, of 127.0.0.1, to stdout and serves until it is killed.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md
 */
import "./http2.ts";
import { create, type Message } from "@bufbuild/protobuf";
import {
  Metadata,
  type sendUnaryData,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
} from "@grpc/grpc-js";
import { once } from "node:events";
import process from "node:process";
import { setTimeout } from "node:timers/promises";
import { readDescriptors, requestsOf, serviceDefinition } from "./definitions.ts";

interface Payload {
  readonly body: Uint8Array;
}

type SimpleRequest = Message & {
  readonly responseSize: number;
  readonly responseStatus?: { readonly code: number; readonly message: string };
};

type StreamingRequest = Message & {
  readonly payload?: Payload;
  readonly responseParameters: readonly { readonly size: number; readonly intervalUs: number }[];
  readonly responseStatus?: { readonly code: number; readonly message: string };
};

type Writing =
  | ServerWritableStream<StreamingRequest, Message>
  | ServerDuplexStream<StreamingRequest, Message>;
type Duplex = ServerDuplexStream<StreamingRequest, Message>;

const registry = readDescriptors(process.argv[2]!);
const make = (name: string, fields: Record<string, unknown> = {}) =>
  create(registry.getMessage(`grpc.testing.${name}`)!, fields);
const payload = (size: number) => make("Payload", { body: new Uint8Array(size) });

/** Sends what a request wants to have echoed in the headers; returns what it wants in the trailers. */
function echo(call: { metadata: Metadata; sendMetadata(metadata: Metadata): void }): Metadata {
  const initial = "x-grpc-test-echo-initial", trailing = "x-grpc-test-echo-trailing-bin";
  const headers = new Metadata(), trailers = new Metadata();
  for (const value of call.metadata.get(initial)) headers.add(initial, value);
  for (const value of call.metadata.get(trailing)) trailers.add(trailing, value);
  if (call.metadata.get(initial).length > 0) call.sendMetadata(headers);
  return trailers;
}

async function answer(call: Writing, request: StreamingRequest): Promise<void> {
  for (const { size, intervalUs } of request.responseParameters) {
    if (intervalUs > 0) await setTimeout(intervalUs / 1000);
    const more = call.write(make("StreamingOutputCallResponse", { payload: payload(size) }));
    // A call that is cancelled never drains, and is forgotten.
    if (!more) await once(call, "drain");
  }
}

async function fullDuplex(call: Duplex): Promise<void> {
  const trailers = echo(call);
  for await (const request of requestsOf(call)) {
    const { code = 0, message: details = "" } = request.responseStatus ?? {};
    if (code !== 0) return void call.emit("error", { code, details, metadata: trailers });
    await answer(call, request);
  }
  call.end(trailers);
}

async function halfDuplex(call: Duplex): Promise<void> {
  const requests: StreamingRequest[] = [];
  for await (const request of requestsOf(call)) requests.push(request);
  for (const request of requests) await answer(call, request);
  call.end();
}

const server = new Server({
  "grpc.max_receive_message_length": -1,
  // Its default, 100, would have a client that wants more at once wait.
  "grpc.max_concurrent_streams": 2000,
});
server.addService(serviceDefinition(registry.getService("grpc.testing.TestService")!), {
  EmptyCall: (_: unknown, reply: sendUnaryData<Message>) => reply(null, make("Empty")),
  UnaryCall(call: ServerUnaryCall<SimpleRequest, Message>, reply: sendUnaryData<Message>) {
    const { responseStatus, responseSize } = call.request;
    const trailers = echo(call);
    const { code = 0, message: details = "" } = responseStatus ?? {};
    if (code !== 0) return reply({ code, details, metadata: trailers });
    reply(null, make("SimpleResponse", { payload: payload(responseSize) }), trailers);
  },
  StreamingOutputCall: (call: ServerWritableStream<StreamingRequest, Message>) =>
    answer(call, call.request).then(() => call.end(), ignore),
  StreamingInputCall(
    call: ServerReadableStream<StreamingRequest, Message>,
    reply: sendUnaryData<Message>,
  ) {
    let aggregatedPayloadSize = 0;
    call.on("data", ({ payload }) => aggregatedPayloadSize += payload?.body.length ?? 0);
    call.on(
      "end",
      () => reply(null, make("StreamingInputCallResponse", { aggregatedPayloadSize })),
    );
  },
  FullDuplexCall: (call: Duplex) => fullDuplex(call).catch(ignore),
  HalfDuplexCall: (call: Duplex) => halfDuplex(call).catch(ignore),
});

/** What a cancelled call ends with; whatever else goes wrong, its client sees. */
function ignore(): void {}

server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  console.log(port);
});
