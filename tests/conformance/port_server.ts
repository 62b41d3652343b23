/**
 * The suite's server on the port of usersvc, which tells protocols apart, reads requests and sends
 * answers as the real one does: `port_server.ts DESCRIPTORS`. Only the service is another one, and no
 * fault has been worked around for the suite's sake.
 */
import "./http2.ts";
import type { DescMethodUnary } from "@bufbuild/protobuf";
import { ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { setTimeout } from "node:timers/promises";
import {
  type ConnectionHandlers,
  type Door,
  type DoorOptions,
  openDoor,
} from "../../src/server/connection/door.ts";
import { type HttpOptions, openHttpSide } from "../../src/server/http/http_side.ts";
import { handlersOf } from "../../src/server/http/rpc.ts";
import { LIMITS } from "../../src/server/limits.ts";
import { listen } from "../../src/server/connection/listen.ts";
import type { TcpEndpoint } from "../../src/contract/endpoint.ts";
import { decompress, NO_ROOM, receive } from "../../src/server/received.ts";
import { limitSessions } from "../../src/server/connection/sessions.ts";
import { changeGrpc } from "../../src/workarounds/private_parts.ts";
import { limitMessages } from "../../src/workarounds/received_messages.ts";
import { refuseCalls } from "../../src/workarounds/refused_calls.ts";
import { withFolder } from "../support/program.ts";
import { type Header, serviceDefinition } from "./definitions.ts";
import { addConformance, withoutOk } from "./grpc_service.ts";
import {
  answers,
  type CallInfo,
  type ErrorDefinition,
  registry,
  type Request,
  serveSuite,
  service,
  type WantedServer,
} from "./suite.ts";

function infoOf({ requestHeader, requestMethod, url, timeoutMs }: HandlerContext): CallInfo {
  const ms = timeoutMs();
  const info = { requestHeaders: listOf(requestHeader) };
  return {
    ...info,
    ...(ms === undefined ? {} : { timeoutMs: Math.max(0, Math.round(ms)) }),
    ...(requestMethod === "GET"
      ? { connectGetInfo: { queryParams: listOf(new URL(url).searchParams) } }
      : {}),
  };
}

/** Headers of HTTP, whose values of one name are joined. */
const listOf = (entries: Iterable<[string, string]>): Header[] =>
  [...entries].map(([name, value]) => ({ name, value: value.split(", ") }));

function add(headers: Headers, list: readonly Header[]): void {
  for (const { name, value } of list) for (const one of value) headers.append(name, one);
}

function failure({ message, code, details }: ErrorDefinition): ConnectError {
  const error = new ConnectError(message ?? "", code);
  error.details = details.map(({ typeUrl, value }) => ({
    type: typeUrl.slice(typeUrl.lastIndexOf("/") + 1),
    value,
  }));
  return error;
}

/** Adds the methods with one request and one response. */
function addUnary(router: ConnectRouter): void {
  for (const desc of service.methods) {
    if (desc.methodKind !== "unary" || desc.name === "Unimplemented") continue;
    router.rpc(desc as DescMethodUnary, async (request, context) => {
      const info = answers.info(desc, [request], infoOf(context));
      const definition = (request as Request).responseDefinition;
      if (definition === undefined) return answers.response(desc, undefined, info);
      add(context.responseHeader, definition.responseHeaders);
      add(context.responseTrailer, definition.responseTrailers);
      await setTimeout(definition.responseDelayMs);
      const { response } = definition;
      if (response?.case === "error") throw failure(answers.error(response.value, info));
      return answers.response(desc, response?.value, info);
    }, { jsonOptions: { registry } });
  }
}

/** Opens the way in, with the files that TLS needs for as long as they are read. */
async function openDoorOf(
  { useTls, serverCreds, clientTlsCert }: WantedServer,
  handlers: ConnectionHandlers,
): Promise<Door> {
  const open = (tls: Pick<DoorOptions, "tls">) => {
    const endpoints = [{ host: "127.0.0.1", port: 0 }];
    return openDoor({ endpoints, ...tls }, handlers, {}, listen);
  };
  if (!useTls) return await open({});
  return await withFolder(async (folder) => {
    const write = async (name: string, pem: Uint8Array) => {
      await Deno.writeFile(`${folder}/${name}`, pem);
      return `${folder}/${name}`;
    };
    const identity = {
      cert: await write("cert.pem", serverCreds!.cert),
      key: await write("key.pem", serverCreds!.key),
    };
    if (clientTlsCert.length === 0) return await open({ tls: identity });
    return await open({ tls: { ...identity, clientCa: await write("ca.pem", clientTlsCert) } });
  });
}

changeGrpc(limitMessages({ receive, decompress, noRoom: NO_ROOM }, LIMITS.messageBytes));
await serveSuite(async (wanted) => {
  const server = new Server({ interceptors: [withoutOk] });
  addConformance(server);
  const codecs = new Map(
    Object.values(serviceDefinition(service)).map((codec) => [codec.path, codec]),
  );
  const options = { cors: [], maxConnectionAgeMs: undefined, events: { notice: console.error } };
  // Without the services of usersvc it needs nothing of what belongs to them.
  const http = openHttpSide(options as unknown as HttpOptions, handlersOf(codecs, addUnary));
  refuseCalls(server, http.stream);
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  limitSessions(server);
  const door = await openDoorOf(wanted, {
    http2: (socket) => injector.injectConnection(socket),
    http1: http.connection,
  });
  return (door.endpoints[0] as TcpEndpoint).port;
});
