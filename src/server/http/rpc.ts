import {
  create,
  createFileRegistry,
  type DescMessage,
  type DescMethodUnary,
  type FileRegistry,
  fromBinary,
  type Message,
  type MessageInitShape,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import {
  Code,
  ConnectError,
  type ConnectRouter,
  createConnectRouter,
  createContextKey,
  createContextValues,
  type HandlerContext,
} from "@connectrpc/connect";
import type { Compression, UniversalHandler } from "@connectrpc/connect/protocol";
import { type ServiceDefinition, status } from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { type Contract, type GetUserRequest, serviceName } from "../../contract/contract.ts";
import { keptText } from "../../contract/decoding.ts";
import { fileDescriptors } from "../../contract/descriptors.ts";
import { healthServiceName } from "../../contract/health_contract.ts";
import type { Protocol } from "../../contract/events.ts";
import type { GetUser } from "../call/get_user.ts";
import { type Health, healthService } from "../health_service.ts";
import type { Answer, IncomingCall } from "../call/incoming_call.ts";
import { LIMITS } from "../limits.ts";
import type { RequestHeaders } from "../received.ts";
import { type AnswerRequest, lineResponse } from "./exchange.ts";
import { fromText, isTextForm, toText } from "./grpc_web_text.ts";
import { asPost, type RequestCodec, withMessage } from "./request_message.ts";
import { httpResponse, peerOf, universalRequest } from "./universal.ts";

/** What answers calls that come by Connect and gRPC-Web. */
export interface RpcServices {
  readonly contract: Contract;
  readonly getUser: GetUser;
  readonly health: Health;
}

const gzipAnswers: Compression = {
  name: "gzip",
  compress: promisify<Uint8Array, Uint8Array<ArrayBuffer>>(gzip),
  decompress: () => Promise.reject(new Error("requests are decompressed before connect has them")),
};

const peerKey = createContextKey("unknown");
/** As they were sent: connect joins the values of a name. */
const headersKey = createContextKey<RequestHeaders>({});

/** Makes what answers calls of `GetUser` and of the health service's `Check`, by their paths. */
export function rpcHandlers(
  { contract, getUser, health }: RpcServices,
): ReadonlyMap<string, AnswerRequest> {
  const codecs = codecsOf([contract.UserService.service, healthService]);
  const registry = registryOf(fileDescriptors(contract));
  return handlersOf(codecs, (router) => {
    addGetUser(router, registry, getUser);
    addHealth(router, registry, health);
  });
}

/** @param files each a `google.protobuf.FileDescriptorProto`, encoded */
function registryOf(files: readonly Uint8Array[]): FileRegistry {
  const file = files.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
  return createFileRegistry(create(FileDescriptorSetSchema, { file }));
}

/**
 * Makes what answers calls, by their paths.
 *
 * @param codecs what decodes the requests of all methods, by their paths
 */
export function handlersOf(
  codecs: ReadonlyMap<string, RequestCodec>,
  addServices: (router: ConnectRouter) => void,
): ReadonlyMap<string, AnswerRequest> {
  const router = createConnectRouter({
    // grpc-js answers gRPC over HTTP/2.
    grpc: false,
    acceptCompression: [gzipAnswers],
    readMaxBytes: LIMITS.messageBytes,
    // A field that is not known is skipped in JSON as it is in binary messages.
    jsonOptions: { ignoreUnknownFields: true },
  });
  addServices(router);
  return new Map(router.handlers.map((handler) => {
    const { requestPath } = handler;
    return [requestPath, answerWith(handler, codecs.get(requestPath)!)];
  }));
}

function codecsOf(services: readonly ServiceDefinition[]): ReadonlyMap<string, RequestCodec> {
  const methods = services.flatMap((service) => Object.values(service));
  return new Map(methods.map((method) => [method.path, method]));
}

function answerWith(handler: UniversalHandler, codec: RequestCodec): AnswerRequest {
  return async (request) => {
    const isText = isTextForm(request);
    const isQuery = request.method === "GET" && handler.allowedMethods.includes("GET");
    const read = isText ? fromText(request) : isQuery ? asPost(request) : request;
    const values = createContextValues()
      .set(peerKey, peerOf(request.socket))
      .set(headersKey, request.headers);
    const call = universalRequest(read, values);
    if (call === undefined) return lineResponse(400, "the request names no host");
    const answer = await handler(withMessage(call, codec, read.readBody));
    const response = await httpResponse(answer, request.method);
    return isText ? toText(response) : response;
  };
}

function addGetUser(router: ConnectRouter, registry: FileRegistry, getUser: GetUser): void {
  const method = unary(registry, serviceName, "getUser");
  router.rpc(method, (request, context) => {
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    const { username } = request as unknown as GetUserRequest;
    const { signal } = context;
    getUser.handle({
      ...callOf(keptText(username), context),
      answer: (answer) => {
        // By Connect they are headers whose names begin with `trailer-`.
        append(context.responseTrailer, answer.trailers);
        if (answer.code !== "OK") return reject(connectError(answer));
        append(context.responseHeader, answer.metadata);
        resolve(messageOf(method.output, { message: answer.message }));
      },
    });
    // GetUser does not answer a call that is over; connect tells the client why it is. A deadline may
    // have passed before the request was read.
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason));
    return promise;
  });
}

function callOf(username: string, context: HandlerContext): Omit<IncomingCall, "answer"> {
  const { signal, protocolName, values } = context;
  const timeoutMs = context.timeoutMs();
  const startedAt = Date.now();
  const deadline = timeoutMs === undefined ? Infinity : startedAt + timeoutMs;
  return {
    protocol: protocolName as Protocol,
    service: serviceName,
    method: "GetUser",
    username,
    startedAt,
    peer: () => values.get(peerKey),
    metadata: (key) => metadataOf(values.get(headersKey), key),
    // A timer may fire a little early.
    deadline: () => isDeadline(signal.reason) ? Math.min(deadline, Date.now()) : deadline,
    isCancelled: () => signal.aborted,
    onCancelled: (listener) => signal.addEventListener("abort", listener, { once: true }),
  };
}

/** The same values as grpc-js finds, which splits the bytes of names that end in `-bin` at commas. */
function metadataOf(headers: RequestHeaders, key: string): readonly string[] {
  const values = Object.hasOwn(headers, key) ? [headers[key] ?? []].flat() : [];
  if (!key.endsWith("-bin")) return values;
  return values.flatMap((list) => list.split(","))
    .map((base64) => Buffer.from(base64.trim(), "base64").toString("base64"));
}

function isDeadline(reason: unknown): boolean {
  return reason instanceof ConnectError && reason.code === Code.DeadlineExceeded;
}

function append(headers: Headers, metadata: Answer["metadata"]): void {
  for (const [key, value] of entriesOf(metadata)) headers.append(key, value);
}

function entriesOf(metadata: Answer["metadata"] = {}): [key: string, value: string][] {
  return Object.entries(metadata).flatMap(([key, values]) =>
    values.map((value): [string, string] => [key, value])
  );
}

/** What a call fails with; connect sends its metadata as headers, or as trailers of gRPC-Web. */
function connectError({ code, reason = "", details = [], metadata }: Answer): ConnectError {
  // The codes of Connect are those of gRPC.
  const error = new ConnectError(reason, status[code] as number, entriesOf(metadata));
  error.details = details as ConnectError["details"];
  return error;
}

function addHealth(router: ConnectRouter, registry: FileRegistry, health: Health): void {
  const check = unary(registry, healthServiceName, "check");
  const SERVING = 1, NOT_SERVING = 2;
  router.rpc(check, (request) => {
    const { service } = request as unknown as { service: string };
    if (!health.knows(service)) throw new ConnectError("unknown service", Code.NotFound);
    return messageOf(check.output, { status: health.isServing() ? SERVING : NOT_SERVING });
  });
}

/** A method of one request and one response, by its name in lower camel case. */
function unary(registry: FileRegistry, service: string, method: string): DescMethodUnary {
  return registry.getService(service)!.method[method] as DescMethodUnary;
}

/** A message of a type that is known at run time alone. */
function messageOf(type: DescMessage, fields: Readonly<Record<string, unknown>>): Message {
  return create(type, fields as MessageInitShape<DescMessage>);
}
