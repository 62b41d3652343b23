/**
 * grpc-js and node:tls hide parts that the server and other workarounds need.
 *
 * - What is wrong: there is no public way to the HTTP/2 servers of a `Server` of grpc-js, its streams
 *   or the number of its calls, or to the socket below a `TLSSocket`.
 * - Versions: @grpc/grpc-js 1.14.7, Deno 2.9.2 to 2.9.6.
 * - Upstream: no issue is known.
 * - Measured: nothing; a drain can count what it cancels in no other way.
 * - Fails: after an update each function throws and names this file (tests/workarounds/guards_test.ts,
 *   tests/server/drain_test.ts).
 * - It can go when they expose these parts.
 */
import type { Server } from "@grpc/grpc-js";
import type { Http2Server } from "../http2/http2.ts";
import type { Stream } from "../http2/stream.ts";
import { Socket } from "node:net";

const changes = new Set<() => void>();

/**
 * Changes grpc-js, or what it stands on, for this whole process: each change once, in this order.
 *
 * @throws {Error} if this grpc-js has not what is to be changed
 */
export function changeGrpc(...wanted: readonly (() => void)[]): void {
  for (const change of wanted) {
    if (changes.has(change)) continue;
    change();
    changes.add(change);
  }
}

/**
 * The prototype of a class of grpc-js, of which a workaround replaces private methods.
 *
 * @param names what has to be there
 * @throws {Error} if something is not, so that an update of grpc-js cannot bring a fault back unseen
 */
export function privateMethods<T extends object>(
  class_: { readonly name: string; readonly prototype: object },
  names: readonly (keyof T & string)[],
): T {
  const prototype = class_.prototype as Record<string, unknown>;
  for (const name of names) {
    if (typeof prototype[name] === "function") continue;
    throw new Error(
      `this version of @grpc/grpc-js has no ${class_.name}.${name}, 1.14.7 had it: check src/workarounds/`,
    );
  }
  return prototype as T;
}

/** The HTTP/2 servers of a server, one for each connection injector. */
export function http2Servers(server: Server): Http2Server[] {
  return [...mapOf<Http2Server, unknown>(server, "http2Servers").keys()];
}

/** How many calls are open on all sessions of a server: grpc-js counts them to close idle ones. */
export function openCallCount(server: Server): number {
  const sessions = mapOf<unknown, { activeStreams: number }>(server, "sessionIdleTimeouts");
  return [...sessions.values()].reduce((sum, { activeStreams }) => sum + activeStreams, 0);
}

/** The stream of a call of a server; no other part of a call knows when it has closed. */
export function streamOf(call: object): Stream {
  if ("stream" in call) return call.stream as Stream;
  // What a handler has is a wrapper around the call.
  if ("call" in call) return streamOf(call.call as object);
  throw missing("the stream of a call");
}

/** The socket that was accepted, below TLS where there is TLS. */
export function acceptedSocket(socket: Socket): Socket {
  if (!("encrypted" in socket)) return socket;
  const { _parent: parent } = socket as { _parent?: unknown };
  if (parent instanceof Socket) return parent;
  throw missing("the socket below TLS");
}

function mapOf<K, V>(server: object, name: string): ReadonlyMap<K, V> {
  const map = (server as Record<string, unknown>)[name];
  if (map instanceof Map) return map;
  throw missing(name);
}

function missing(what: string): Error {
  return new Error(
    `${what} is kept elsewhere after an update: check src/workarounds/private_parts.ts`,
  );
}
