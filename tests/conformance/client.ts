/**
 * The suite's client on grpc-js: `client.ts DESCRIPTORS`, which reads each `ClientCompatRequest` from
 * stdin, makes the call and writes a `ClientCompatResponse` to stdout.
 */
import "./http2.ts";
import { fromBinary, type Message } from "@bufbuild/protobuf";
import { type Any, anyUnpack } from "@bufbuild/protobuf/wkt";
import {
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  credentials,
  type Metadata,
  type ServiceError,
  status,
  type StatusObject,
} from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import type { EventEmitter } from "node:events";
import process from "node:process";
import { setImmediate, setTimeout } from "node:timers/promises";
import {
  definitionOf,
  type Header,
  headersOf,
  leavePaddingOut,
  metadataOf,
} from "./definitions.ts";
import { make, message, readMessages, registry, service, writeMessage } from "./suite.ts";

interface Wanted {
  readonly testName: string;
  readonly compression: number;
  readonly host: string;
  readonly port: number;
  readonly serverTlsCert: Uint8Array;
  readonly clientTlsCreds?: { readonly cert: Uint8Array; readonly key: Uint8Array };
  readonly messageReceiveLimit: number;
  readonly method: string;
  readonly streamType: number;
  readonly requestHeaders: readonly Header[];
  readonly requestMessages: readonly Any[];
  readonly timeoutMs?: number;
  readonly requestDelayMs: number;
  readonly cancel?: { readonly cancelTiming: { readonly case?: string; readonly value?: unknown } };
}

type Call =
  | ClientUnaryCall
  | ClientReadableStream<Message>
  | ClientWritableStream<Message>
  | ClientDuplexStream<Message, Message>;
type Requests = ClientWritableStream<Message> | ClientDuplexStream<Message, Message>;

const FULL_DUPLEX = 5;

/** How long a call may take, in milliseconds. */
const LIMIT_MS = 5000;

/** grpc-js's numbers of the suite's gzip and deflate. */
const COMPRESSIONS: Readonly<Record<number, number>> = { 2: 2, 5: 1 };

function connect(wanted: Wanted): Client {
  const { host, port, serverTlsCert, clientTlsCreds, messageReceiveLimit, compression } = wanted;
  const options: ChannelOptions = {
    ...(messageReceiveLimit === 0
      ? {}
      : { "grpc.max_receive_message_length": messageReceiveLimit }),
    "grpc.default_compression_algorithm": COMPRESSIONS[compression] ?? 0,
    "grpc.enable_http_proxy": 0,
  };
  const buffer = (bytes?: Uint8Array) => bytes && Buffer.from(bytes);
  if (serverTlsCert.length === 0) {
    return new Client(`${host}:${port}`, credentials.createInsecure(), options);
  }
  const { key, cert } = clientTlsCreds ?? {};
  return new Client(
    `${host}:${port}`,
    credentials.createSsl(Buffer.from(serverTlsCert), buffer(key) ?? null, buffer(cert) ?? null),
    // Deno refuses an IP address as a name of TLS.
    { ...options, "grpc.ssl_target_name_override": "localhost" },
  );
}

/** What has come of a call. */
interface Outcome {
  headers?: Metadata;
  status?: StatusObject;
  readonly payloads: unknown[];
  /** Called after each response, and at the end. */
  changed: () => void;
}

type Response = Message & { readonly payload?: unknown };

/** Makes the call of a test case; returns the fields of a `ClientResponseResult`. */
async function invoke(client: Client, wanted: Wanted): Promise<object> {
  const requests = wanted.requestMessages.map((any) => anyUnpack(any, registry)!);
  const { case: timing, value } = wanted.cancel?.cancelTiming ?? {};
  const outcome: Outcome = { payloads: [], changed: () => {} };
  const call: Call = begin(client, wanted, requests[0], (response) => {
    outcome.payloads.push(response.payload);
    if (timing === "afterNumResponses" && outcome.payloads.length === value) call.cancel();
    outcome.changed();
  });
  const ended = watch(call, outcome);
  // grpc-js waits for ever where a unary call is answered twice.
  const timer = globalThis.setTimeout(() => call.cancel(), LIMIT_MS);
  let sent = requests.length;
  if ("write" in call) {
    sent = await sendAll(call, requests, wanted, outcome);
    if (timing === "beforeCloseSend") call.cancel();
    else call.end();
  }
  if (timing === "afterCloseSendMs") {
    await setTimeout(value as number);
    call.cancel();
  }
  const { code, details, metadata } = await ended;
  clearTimeout(timer);
  return {
    responseHeaders: headersOf(outcome.headers),
    payloads: outcome.payloads,
    error: code === status.OK
      ? undefined
      : { code, message: details, details: detailsOf(metadata) },
    responseTrailers: headersOf(metadata),
    numUnsentRequests: requests.length - sent,
  };
}

/**
 * Begins a call, with the request where there is only one.
 *
 * @param take takes each response
 */
function begin(
  client: Client,
  { method, requestHeaders, timeoutMs }: Wanted,
  request: Message | undefined,
  take: (response: Response) => void,
): Call {
  const desc = service.methods.find(({ name }) => name === method);
  if (desc === undefined) throw new Error(`no method ${method}`);
  const { path, requestSerialize, responseDeserialize } = definitionOf(desc);
  const how = [path, requestSerialize, responseDeserialize] as const;
  const metadata = metadataOf(requestHeaders);
  const options = timeoutMs === undefined ? {} : { deadline: Date.now() + timeoutMs };
  const reply = (_: ServiceError | null, response?: Message) => response && take(response);
  switch (desc.methodKind) {
    case "unary":
      return client.makeUnaryRequest(...how, request!, metadata, options, reply);
    case "client_streaming":
      return client.makeClientStreamRequest(...how, metadata, options, reply);
    case "server_streaming":
      return client.makeServerStreamRequest(...how, request!, metadata, options).on("data", take);
    case "bidi_streaming":
      return client.makeBidiStreamRequest(...how, metadata, options).on("data", take);
  }
}

/** Notes what comes of a call; returns how it ended once all of it was read. */
async function watch(call: Call, outcome: Outcome): Promise<StatusObject> {
  call.on("metadata", (headers: Metadata) => outcome.headers = headers);
  // It says nothing more than the status.
  (call as EventEmitter).on("error", () => {});
  const read = "read" in call && new Promise((resolve) => call.on("end", resolve));
  const status = await new Promise<StatusObject>((resolve) => call.on("status", resolve));
  outcome.status = status;
  outcome.changed();
  await read;
  // A single response comes right behind the status.
  await setImmediate();
  return status;
}

/** Sends the requests, as long as the call has not ended; returns how many. */
async function sendAll(
  call: Requests,
  requests: readonly Message[],
  { requestDelayMs, streamType }: Wanted,
  outcome: Outcome,
): Promise<number> {
  for (const [index, request] of requests.entries()) {
    await setTimeout(requestDelayMs);
    if (outcome.status !== undefined) return index;
    const answered = new Promise<void>((resolve) => outcome.changed = resolve);
    call.write(request);
    if (streamType === FULL_DUPLEX) await answered;
  }
  return requests.length;
}

function detailsOf(metadata: Metadata): readonly Any[] {
  const [bytes] = metadata.get("grpc-status-details-bin");
  if (!(bytes instanceof Buffer)) return [];
  return (fromBinary(message("Error"), bytes) as unknown as { details: Any[] }).details;
}

async function run(wanted: Wanted): Promise<void> {
  const { testName } = wanted;
  const client = connect(wanted);
  let result: unknown;
  try {
    const value = make(message("ClientResponseResult"), await invoke(client, wanted));
    result = { case: "response", value };
  } catch (error) {
    const value = make(message("ClientErrorResult"), { message: String(error) });
    result = { case: "error", value };
  }
  client.close();
  await writeMessage("ClientCompatResponse", { testName, result });
}

leavePaddingOut();
const running = new Set<Promise<void>>();
for await (const wanted of readMessages<Wanted>("ClientCompatRequest")) {
  const one = run(wanted).finally(() => running.delete(one));
  running.add(one);
  if (running.size >= 8) await Promise.race(running);
}
await Promise.all(running);
process.exit();
