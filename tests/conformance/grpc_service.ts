/** `connectrpc.conformance.v1.ConformanceService` on grpc-js. */
import { create, type Message, toBinary } from "@bufbuild/protobuf";
import {
  type Metadata,
  type sendUnaryData,
  type Server,
  type ServerDuplexStream,
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServerReadableStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  status,
} from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { setTimeout } from "node:timers/promises";
import {
  headersOf,
  leavePaddingOut,
  metadataOf,
  requestsOf,
  serviceDefinition,
} from "./definitions.ts";
import {
  answers,
  type CallInfo,
  type Definition,
  type ErrorDefinition,
  message,
  method,
  type Request,
  service,
} from "./suite.ts";

type Reply = sendUnaryData<Message>;
type UnaryCall = ServerUnaryCall<Request, Message>;
type Reading = ServerReadableStream<Request, Message>;
type Writing = ServerWritableStream<Request, Message>;
type Duplex = ServerDuplexStream<Request, Message>;

/**
 * grpc-js sends a message with the status OK, which the suite refuses in every call: it would see
 * nothing else.
 */
export const withoutOk: ServerInterceptor = (_, call) =>
  new ServerInterceptingCall(call, {
    sendStatus: (sent, next) => next(sent.code === status.OK ? { ...sent, details: "" } : sent),
  });

/** Adds the service to a server. */
export function addConformance(server: Server): void {
  leavePaddingOut();
  server.addService(serviceDefinition(service), {
    Unary: (call: UnaryCall, reply: Reply) =>
      forget(answerOnce("Unary", call, [call.request], reply)),
    IdempotentUnary: (call: UnaryCall, reply: Reply) =>
      forget(answerOnce("IdempotentUnary", call, [call.request], reply)),
    ClientStream: (call: Reading, reply: Reply) => {
      const requests: Request[] = [];
      call.on("data", (request: Request) => requests.push(request));
      call.on("end", () => forget(answerOnce("ClientStream", call, requests, reply)));
    },
    ServerStream: (call: Writing) => forget(serverStream(call)),
    BidiStream: (call: Duplex) => forget(bidiStream(call)),
  });
}

/** A call that its client has cancelled ends nowhere else; whatever else goes wrong, the suite sees. */
function forget(handling: Promise<void>): void {
  handling.catch(() => {});
}

function infoOf(call: UnaryCall | Reading | Writing | Duplex): CallInfo {
  const requestHeaders = headersOf(call.metadata);
  const deadline = Number(call.getDeadline());
  if (deadline === Infinity) return { requestHeaders };
  return { requestHeaders, timeoutMs: Math.max(0, Math.round(deadline - Date.now())) };
}

function failure(error: ErrorDefinition, trailers: Metadata) {
  const metadata = trailers.clone();
  const details = toBinary(message("Error"), create(message("Error"), { ...error }));
  metadata.set("grpc-status-details-bin", Buffer.from(details));
  return { code: error.code, details: error.message ?? "", metadata };
}

async function answerOnce(
  name: string,
  call: UnaryCall | Reading,
  requests: readonly Request[],
  reply: Reply,
): Promise<void> {
  const info = answers.info(method(name), requests, infoOf(call));
  const definition = requests[0]?.responseDefinition;
  if (definition === undefined) return reply(null, answers.response(method(name), undefined, info));
  call.sendMetadata(metadataOf(definition.responseHeaders));
  await setTimeout(definition.responseDelayMs);
  const trailers = metadataOf(definition.responseTrailers);
  const { response } = definition;
  if (response?.case === "error") {
    return reply(failure(answers.error(response.value, info), trailers));
  }
  reply(null, answers.response(method(name), response?.value, info), trailers);
}

async function send(call: Writing | Duplex, response: Message, delayMs: number): Promise<void> {
  await setTimeout(delayMs);
  if (!call.write(response)) await once(call, "drain");
}

function end(call: Writing | Duplex, definition: Definition | undefined, info?: Message): void {
  const trailers = metadataOf(definition?.responseTrailers);
  if (definition?.error === undefined) call.end(trailers);
  else call.emit("error", failure(answers.error(definition.error, info), trailers));
}

async function serverStream(call: Writing): Promise<void> {
  const desc = method("ServerStream");
  const info = answers.info(desc, [call.request], infoOf(call));
  const definition = call.request.responseDefinition;
  const { responseData = [], responseDelayMs = 0 } = definition ?? {};
  if (definition) call.sendMetadata(metadataOf(definition.responseHeaders));
  for (const [index, data] of responseData.entries()) {
    await send(call, answers.response(desc, data, index === 0 ? info : undefined), responseDelayMs);
  }
  end(call, definition, responseData.length === 0 ? info : undefined);
}

async function bidiStream(call: Duplex): Promise<void> {
  const desc = method("BidiStream");
  let requests: Request[] = [];
  let definition: Definition | undefined;
  let fullDuplex = false, sent = 0, first = true;
  const info = () => answers.info(desc, requests, sent === 0 ? infoOf(call) : undefined);
  for await (const request of requestsOf(call)) {
    requests.push(request);
    if (first) {
      ({ responseDefinition: definition, fullDuplex = false } = request);
      if (definition) call.sendMetadata(metadataOf(definition.responseHeaders));
      first = false;
    }
    if (!fullDuplex) continue;
    const data = definition?.responseData?.[sent];
    if (data === undefined) break;
    await send(call, answers.response(desc, data, info()), definition!.responseDelayMs);
    sent++;
    requests = [];
  }
  for (const data of definition?.responseData?.slice(sent) ?? []) {
    const seen = sent === 0 ? info() : undefined;
    await send(call, answers.response(desc, data, seen), definition!.responseDelayMs);
    sent++;
  }
  end(call, definition, sent === 0 ? info() : undefined);
}
