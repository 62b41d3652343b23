import {
  Server,
  ServerCredentials,
  type ServerInterceptingCall,
  type ServerInterceptor,
  status,
} from "@grpc/grpc-js";
import type { Socket } from "node:net";
import type { Contract, UserServiceHandlers } from "../contract/contract.ts";
import type { Headers } from "../http2/fields.ts";
import type { Stream } from "../http2/stream.ts";
import { ignoreFarDeadlines } from "../workarounds/far_deadlines.ts";
import { useOwnHttp2 } from "../workarounds/own_http2.ts";
import { changeGrpc, openCallCount, streamOf } from "../workarounds/private_parts.ts";
import { limitMessages } from "../workarounds/received_messages.ts";
import { refuseCalls } from "../workarounds/refused_calls.ts";
import { readWholeMessages } from "../workarounds/stream_decoder.ts";
import type { GetUser } from "./call/get_user.ts";
import { grpcHandler } from "./call/grpc_call.ts";
import { limitSessions } from "./connection/sessions.ts";
import { type Health, healthService } from "./health_service.ts";
import { LIMITS } from "./limits.ts";
import { decompress, NO_ROOM, receive } from "./received.ts";

/** What a gRPC server answers with. */
interface GrpcServerOptions {
  readonly contract: Contract;
  readonly getUser: GetUser;
  readonly health: Health;
  /** Whether clients may ask for the contract by server reflection. */
  readonly reflection: boolean;
  /** How long a session lives before its client is told to open another, in milliseconds. */
  readonly maxConnectionAgeMs: number | undefined;
  /** How many calls a session may have in flight; undefined: as many as is allowed. */
  readonly maxConcurrentStreams: number | undefined;
  /** Takes over the streams that are not gRPC; absent: they are refused. */
  readonly other: ((stream: Stream, headers: Headers) => void) | undefined;
}

/** What answers gRPC over HTTP/2. */
export interface GrpcServer {
  /** Takes over a connection of HTTP/2, after the handshake of TLS where there is TLS. */
  connection(socket: Socket): void;
  /** How many calls are in flight, with the streams that were handed over. */
  callsInFlight(): number;
  /**
   * Ends the calls that stream, tells clients to go away (GOAWAY), and has each connection close with
   * its last call. Resolves once the clients know, or had time to.
   */
  drain(): Promise<void>;
  /** Ends all calls at once. */
  end(): void;
}

const takeInMessages = limitMessages(
  { receive, decompress, noRoom: NO_ROOM },
  LIMITS.messageBytes,
);

/** Makes a gRPC server with grpc-js, which is changed for the whole process: see src/workarounds/. */
export async function openGrpcServer(options: GrpcServerOptions): Promise<GrpcServer> {
  changeGrpc(useOwnHttp2, readWholeMessages, takeInMessages, ignoreFarDeadlines);
  const streamingCalls = watchStreamingCalls();
  const server = newServer(streamingCalls.interceptor, options.maxConcurrentStreams);
  await addServices(server, options);
  refuseCalls(server, options.other);
  // Connections come to it after their handshake of TLS.
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const announceGoaway = limitSessions(server, options.maxConnectionAgeMs);
  return {
    connection: (socket) => injector.injectConnection(socket),
    callsInFlight: () => openCallCount(server),
    async drain() {
      streamingCalls.end();
      await announceGoaway();
      // Before a client has read the GOAWAY, it may begin another watch on the same connection.
      streamingCalls.end();
      // Its callback comes before the calls have ended; the close of the connections shows their end.
      server.tryShutdown(() => {});
    },
    end: () => server.forceShutdown(),
  };
}

function newServer(
  interceptor: ServerInterceptor,
  streams: number = LIMITS.concurrentStreams,
): Server {
  return new Server({
    interceptors: [interceptor],
    // Channelz would count every call for a service that is not offered here.
    "grpc.enable_channelz": 0,
    "grpc.max_receive_message_length": LIMITS.messageBytes,
    "grpc.max_concurrent_streams": streams,
    "grpc.max_connection_idle_ms": LIMITS.idleMs,
  });
}

async function addServices(
  server: Server,
  { contract, getUser, health, reflection }: GrpcServerOptions,
): Promise<void> {
  const handlers: UserServiceHandlers = { GetUser: grpcHandler(getUser) };
  server.addService(contract.UserService.service, handlers);
  if (reflection) {
    const { addReflection } = await import("./reflection.ts");
    addReflection(server, contract);
  }
  server.addService(healthService, health.handlers);
}

/** The calls that stream, which last as long as their client likes: watches and reflection. */
interface StreamingCalls {
  /** Finds them among all calls. */
  readonly interceptor: ServerInterceptor;
  /** Ends all of them with UNAVAILABLE. */
  end(): void;
}

function watchStreamingCalls(): StreamingCalls {
  const streaming = new Set<Parameters<ServerInterceptor>[1]>();
  return {
    interceptor: (method, call) => {
      if (method.responseStream) {
        streaming.add(call);
        streamOf(call).once("close", () => streaming.delete(call));
      }
      // An interceptor may hand on the call itself, which is cheaper than a wrapper around it.
      return call as ServerInterceptingCall;
    },
    end: () => {
      for (const call of streaming) {
        streaming.delete(call);
        const details = "the server is draining";
        call.sendStatus({ code: status.UNAVAILABLE, details, metadata: null });
      }
    },
  };
}
