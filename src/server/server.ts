import { Server, ServerCredentials } from "@grpc/grpc-js";
import {
  type Contract,
  loadContract,
  serviceName,
  type UserServiceHandlers,
} from "../contract/contract.ts";
import { callsInFlight, drain, type StreamingCalls, watchStreamingCalls } from "./drain.ts";
import { ignoreFarDeadlines } from "../workarounds/far_deadlines.ts";
import { takeGrpcLog } from "../contract/grpc_log.ts";
import { limitMessages } from "../workarounds/received_messages.ts";
import type { ServerEvents } from "../contract/events.ts";
import { type Faults, openFaults } from "./faults/faults.ts";
import { type GetUser, getUser } from "./call/get_user.ts";
import { grpcHandler } from "./call/grpc_call.ts";
import { addHealth, type Health } from "./health_service.ts";
import { LIMITS } from "./limits.ts";
import { type Accept, acceptAll, listen } from "./connection/listen.ts";
import type { Endpoint } from "../contract/endpoint.ts";
import { useOwnHttp2 } from "../workarounds/own_http2.ts";
import { readWholeMessages } from "../workarounds/stream_decoder.ts";
import { refuseCalls } from "../workarounds/refused_calls.ts";
import { decompress, NO_ROOM, receive } from "./received.ts";
import { watchSessions } from "./connection/sessions.ts";
import { openDoor } from "./connection/door.ts";
import { httpSideOnDemand } from "./http/on_demand.ts";
import type { TlsFiles } from "./connection/tls_server.ts";

/** What a server is made of. */
export interface ServerOptions {
  /** Where to listen: one endpoint or more. */
  readonly endpoints: readonly Endpoint[];
  /** The files for TLS; absent: plain text. */
  readonly tls?: TlsFiles;
  /** Whether clients may ask for the contract by server reflection. */
  readonly reflection: boolean;
  /** How long a connection lives before its client is told to open another, in milliseconds. */
  readonly maxConnectionAgeMs?: number;
  /** What is answered besides gRPC over HTTP/2; absent: nothing. */
  readonly http?: HttpAccess;
  /** What goes wrong on purpose. */
  readonly faults: Faults;
  /** The name of this server among several: every answer of GetUser carries it as `hostname`. */
  readonly instance?: string;
}

/** Who may use what is not gRPC over HTTP/2: Connect, gRPC-Web, the page. */
export interface HttpAccess {
  /** The origins whose pages may read answers, besides the server's own. */
  readonly cors: readonly string[];
}

/** A server that accepts calls. */
export interface RunningServer {
  /** Where it listens, with the real port, in the order of the options. */
  readonly endpoints: readonly Endpoint[];
  /**
   * Stops accepting connections, tells clients to go away (GOAWAY) and waits for the calls in
   * flight. Those that are not done after the grace period are cancelled.
   *
   * @param graceMs the grace period in milliseconds
   * @param replaced another process serves in place of this one: health does not say NOT_SERVING
   * @returns how many calls were cancelled
   */
  drain(graceMs: number, replaced?: boolean): Promise<{ cancelled: number }>;
  /** How many calls are in flight, by every protocol. */
  callsInFlight(): number;
  /**
   * Reads the TLS files again, for later connections. Without TLS it does nothing.
   *
   * @throws {ExpectedError} if one cannot be used; the old ones stay in use
   */
  reloadTls(): Promise<void>;
  /**
   * Reads the file of answers again, for later calls. Without one it does nothing.
   *
   * @throws {ExpectedError} if it cannot be used; the old answers stay
   */
  reloadAnswers(): Promise<void>;
}

/**
 * Starts a server of `userservice.UserService`, with health and, if wanted, reflection.
 *
 * @param events told about each call
 * @param accept what accepts the connections; by default this process listens itself
 * @throws {ListenError} if the endpoint cannot be listened on
 * @throws {ExpectedError} if a TLS file cannot be used
 * @throws {ExpectedError} if the file of answers cannot be used
 */
export async function startServer(
  options: ServerOptions,
  events: ServerEvents,
  accept: Accept = listen,
): Promise<RunningServer> {
  takeGrpcLog((level, message) => events.notice({ level, event: "grpc_log", message }));
  ignoreFarDeadlines();
  limitMessages({ receive, decompress, noRoom: NO_ROOM }, LIMITS.messageBytes);
  useOwnHttp2();
  readWholeMessages();
  const streamingCalls = watchStreamingCalls();
  const server = newServer(streamingCalls);
  const { instance } = options;
  const { planners, reloadAnswers } = await openFaults(options.faults, instance);
  const metadata = instance === undefined ? undefined : { hostname: [instance] };
  const getUserService = getUser(events, { planners, metadata });
  const contract = await loadContract();
  const health = await addServices(server, contract, getUserService, options.reflection);
  const http = options.http &&
    httpSideOnDemand({
      ...options.http,
      ...{ contract, getUser: getUserService, health, events },
      maxConnectionAgeMs: options.maxConnectionAgeMs,
    });
  refuseCalls(server, http?.stream);
  // TLS is over when a connection comes to it.
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const sessions = watchSessions(server, options.maxConnectionAgeMs);
  const door = await openDoor(options.tls, {
    http2: (socket) => injector.injectConnection(socket),
    ...(http === undefined ? {} : { http1: http.connection }),
  });
  const listeners = await acceptAll(accept, options.endpoints, (socket) => {
    events.connectionOpened();
    socket.once("close", () => events.connectionClosed());
    door.enter(socket);
  });
  return {
    endpoints: listeners.map(({ endpoint }) => endpoint),
    drain: (graceMs, replaced = false) => {
      if (!replaced) health.stopServing();
      const parts = { server, sessions, listeners, streamingCalls, http, getUser: getUserService };
      return drain(parts, graceMs);
    },
    callsInFlight: () => callsInFlight(server, http),
    reloadTls: door.reloadTls,
    reloadAnswers,
  };
}

function newServer(streamingCalls: StreamingCalls): Server {
  return new Server({
    interceptors: [streamingCalls.interceptor],
    // Channelz would count every call for a service that is not offered here.
    "grpc.enable_channelz": 0,
    "grpc.max_receive_message_length": LIMITS.messageBytes,
    "grpc.max_concurrent_streams": LIMITS.concurrentStreams,
    "grpc.max_connection_idle_ms": LIMITS.idleMs,
  });
}

async function addServices(
  server: Server,
  contract: Contract,
  getUser: GetUser,
  reflection: boolean,
): Promise<Health> {
  const handlers: UserServiceHandlers = { GetUser: grpcHandler(getUser) };
  server.addService(contract.UserService.service, handlers);
  if (reflection) {
    const { addReflection } = await import("./reflection.ts");
    addReflection(server, contract);
  }
  return addHealth(server, ["", serviceName]);
}
