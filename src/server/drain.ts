import {
  type Server,
  type ServerInterceptingCall,
  type ServerInterceptor,
  status,
} from "@grpc/grpc-js";
import { setTimeout as delay } from "node:timers/promises";
import { openCallCount, streamOf } from "../workarounds/private_parts.ts";
import type { GetUser } from "./call/get_user.ts";
import type { HttpSide } from "./http/http_side.ts";
import type { Listener } from "./connection/listen.ts";
import type { Sessions } from "./connection/sessions.ts";

/** How long the answers to cancelled calls may take to leave, in milliseconds. */
const CANCEL_MS = 100;

/** The calls that stream, which last as long as their client likes: watches and reflection. */
export interface StreamingCalls {
  /** Tells of the calls that stream; costs the others nothing. */
  readonly interceptor: ServerInterceptor;
  /** Ends all of them with a status. */
  end(code: status, details: string): void;
}

/** Starts to watch the calls that stream. */
export function watchStreamingCalls(): StreamingCalls {
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
    end: (code, details) => {
      for (const call of streaming) {
        streaming.delete(call);
        call.sendStatus({ code, details, metadata: null });
      }
    },
  };
}

/** The parts of a server that a drain ends. */
export interface DrainedParts {
  readonly server: Server;
  readonly sessions: Sessions;
  readonly listeners: readonly Listener[];
  readonly streamingCalls: StreamingCalls;
  /** Absent where gRPC alone is answered. */
  readonly http: HttpSide | undefined;
  readonly getUser: GetUser;
}

/**
 * Stops accepting connections, tells clients to go away (GOAWAY) and waits for the calls in flight.
 *
 * @param graceMs the grace period in milliseconds; calls that are still open after it are cancelled
 * @returns how many calls were cancelled
 */
export async function drain(parts: DrainedParts, graceMs: number): Promise<{ cancelled: number }> {
  const { server, sessions, listeners, streamingCalls, http, getUser } = parts;
  const closed = Promise.all(listeners.map((listener) => listener.close()));
  http?.drain();
  getUser.drain();
  const endStreaming = () => streamingCalls.end(status.UNAVAILABLE, "the server is draining");
  endStreaming();
  await sessions.announceGoaway();
  // Before a client has read the GOAWAY, it may begin another watch on the same connection.
  endStreaming();
  // The callback of tryShutdown comes too early on Deno, whose http2 server marks each session as
  // closed before grpc-js can wait for it. Here the close of the connections shows the end of all calls.
  server.tryShutdown(() => {});
  if (await isOverWithin(graceMs, closed)) return { cancelled: 0 };
  const cancelled = callsInFlight(server, http);
  getUser.cancel();
  if (!await isOverWithin(CANCEL_MS, closed)) {
    server.forceShutdown();
    listeners.forEach((listener) => listener.destroyConnections());
    await closed;
  }
  return { cancelled };
}

/** How many calls are in flight, by every protocol. */
export function callsInFlight(server: Server, http: HttpSide | undefined): number {
  return openCallCount(server) + (http?.count() ?? 0);
}

/**
 * Waits for a promise, but no longer than so many milliseconds; returns whether it was fulfilled. The
 * timer stays, which holds nothing up: the program ends with `Deno.exit`.
 */
function isOverWithin(ms: number, over: Promise<unknown>): Promise<boolean> {
  return Promise.race([over.then(() => true), delay(ms, false)]);
}
