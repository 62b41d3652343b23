/** What answers requests that are not gRPC over HTTP/2; loaded with the first of them. */
import type { Headers } from "../../http2/fields.ts";
import type { Stream } from "../../http2/stream.ts";
import type { ServerEvents } from "../../contract/events.ts";
import type { RecordedCalls } from "../../contract/recorded_calls.ts";
import { stackOf } from "../../text/errors.ts";
import { CALLS_PATH, callsRoute } from "./calls.ts";
import { preflightResponse, withCors } from "./cors.ts";
import {
  type AnswerRequest,
  emptyResponse,
  type HttpRequest,
  type HttpResponse,
  lineResponse,
  withLength,
} from "./exchange.ts";
import { fileResponse } from "./files.ts";
import { type Http1Server, openHttp1 } from "./http1.ts";
import { answerStream } from "./http2.ts";
import { rpcHandlers, type RpcServices } from "./rpc.ts";

/** What the HTTP side answers with. */
export interface HttpOptions extends RpcServices {
  readonly events: ServerEvents;
  /** The origins whose pages may read answers. */
  readonly cors: readonly string[];
  /** The calls that may be asked for; absent: none. */
  readonly recorded: RecordedCalls | undefined;
  /** How long a connection of HTTP/1.1 lives before its client is told to open another, in milliseconds. */
  readonly maxConnectionAgeMs: number | undefined;
}

/** The HTTP side of a server. Its streams of HTTP/2 are on sessions of grpc-js, which drains and counts them. */
export interface HttpSide extends Http1Server {
  /** Takes over a stream of HTTP/2 that is not gRPC. */
  stream(stream: Stream, headers: Headers): void;
}

/**
 * Makes the HTTP side of a server.
 *
 * @param rpc what answers calls, by their paths
 */
export function openHttpSide(options: HttpOptions, rpc = rpcHandlers(options)): HttpSide {
  const { events, cors, recorded } = options;
  const calls = callsRoute(recorded);
  const routes = new Map([...rpc, [CALLS_PATH, calls.answer]]);
  const failed = (error: unknown): HttpResponse => {
    events.notice({ level: "error", event: "handler_failed", message: stackOf(error) });
    return lineResponse(500, "internal error");
  };
  const answer: AnswerRequest = async (request) => {
    const response = await responseTo(request, routes, options).catch(failed);
    return withLength(withCors(response, request, cors), request.method);
  };
  const http1 = openHttp1(answer, options.maxConnectionAgeMs);
  return {
    ...http1,
    drain() {
      calls.drain();
      http1.drain();
    },
    stream: (stream, headers) => void answerStream(stream, headers, answer),
  };
}

async function responseTo(
  request: HttpRequest,
  routes: ReadonlyMap<string, AnswerRequest>,
  { cors, health, recorded }: HttpOptions,
): Promise<HttpResponse> {
  const preflight = preflightResponse(request, cors);
  if (preflight !== undefined) return preflight;
  const { method, target } = request;
  if (method === "OPTIONS" && target === "*") {
    return emptyResponse(200, { allow: "GET, HEAD, POST, OPTIONS" });
  }
  const path = pathOf(target);
  const route = routes.get(path);
  return route === undefined
    ? fileResponse(path, method, health, recorded ? [CALLS_PATH] : [])
    : await route(request);
}

/** The path of a target, which may be a whole URL; empty where it is neither. */
function pathOf(target: string): string {
  if (target.startsWith("/")) return target.split("?", 1)[0]!;
  return URL.canParse(target) ? new URL(target).pathname : "";
}
