/** The other side of the port: all that is not gRPC over HTTP/2. Loaded with the first of it. */
import type { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import type { Headers } from "../../http2/fields.ts";
import { NO_ERROR } from "../../http2/frames.ts";
import type { Stream } from "../../http2/stream.ts";
import type { ServerEvents } from "../../contract/events.ts";
import { LIMITS } from "../limits.ts";
import { allowOrigin, exposeHeaders } from "./cors.ts";
import { answerFile } from "./files.ts";
import { openHttp1 } from "./http1.ts";
import { Http2Response, requestOf } from "./http2_exchange.ts";
import { answerLine, pathOf, type Request, respond, type Response } from "./request.ts";
import { type AnswerRpc, rpcHandlers, type RpcServices } from "./rpc.ts";
import { peerOf, readCall, send } from "./universal.ts";

/** What the HTTP side answers with. */
export interface HttpOptions extends RpcServices {
  readonly events: ServerEvents;
  /** The origins whose pages may read answers. */
  readonly cors: readonly string[];
  /** How long a connection of HTTP/1.1 lives before its client is told to open another, in milliseconds. */
  readonly maxConnectionAgeMs: number | undefined;
}

/** The HTTP side of a server. */
export interface HttpSide {
  /** Takes over a connection of HTTP/1.1, which is paused. */
  connection(socket: Socket): void;
  /** Takes over a stream of HTTP/2 that is not gRPC. */
  stream(stream: Stream, headers: Headers): void;
  /** Has connections of HTTP/1.1 close as soon as they have no request; those of HTTP/2 are grpc-js's. */
  drain(): void;
  /** How many requests of HTTP/1.1 wait for their answers. */
  callsInFlight(): number;
}

/**
 * Makes the HTTP side of a server.
 *
 * @param rpc what answers calls, by their paths
 */
export function openHttpSide(options: HttpOptions, rpc = rpcHandlers(options)): HttpSide {
  const answer = (request: Request, response: Response) => {
    // An error that nobody listens to would end the process; that a client has gone is none.
    for (const one of [request, response] as readonly EventEmitter[]) one.on("error", () => {});
    answerRequest(request, response, rpc, options).catch((error: unknown) => {
      const message = error instanceof Error ? error.stack ?? error.message : String(error);
      options.events.notice({ level: "error", event: "handler_failed", message });
      answerLine(response, 500, "internal error");
    });
  };
  const http1 = openHttp1(answer, options.maxConnectionAgeMs);
  return {
    connection: http1.add,
    stream(stream, headers) {
      if (stream.destroyed || stream.closed) return;
      limitTime(stream);
      stream.keepsReading = true;
      const request = requestOf(stream, headers);
      const response = new Http2Response(request, stream);
      response.once("finish", () => stopReading(stream));
      answer(request, response);
    },
    drain: http1.drain,
    callsInFlight: http1.count,
  };
}

/**
 * Ends a stream that is answered although its request is not all there. For a while the rest is read,
 * since curl 7.88 takes the end of a stream on which it still sends for a failure.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9113#section-8.1
 */
function stopReading(stream: Stream): void {
  if (stream.readableEnded || stream.destroyed) return;
  // The request would pause the stream again once it holds as much as nobody reads.
  stream.removeAllListeners("data");
  stream.resume();
  const timer = setTimeout(() => stream.close(NO_ERROR), LIMITS.lingerMs);
  stream.once("close", () => clearTimeout(timer));
}

/**
 * Ends a stream whose request takes too long to come, or whose answer too long to be taken: twice as
 * long at most, since it is looked at only so often.
 */
function limitTime(stream: Stream): void {
  let answered = false;
  const timer = setInterval(() => {
    if (!stream.readableEnded || answered) stream.destroy();
    answered = stream.writableEnded;
  }, LIMITS.requestMs);
  stream.once("close", () => clearInterval(timer));
}

async function answerRequest(
  request: Request,
  response: Response,
  rpc: ReadonlyMap<string, AnswerRpc>,
  { cors, health }: HttpOptions,
): Promise<void> {
  if (allowOrigin(request, response, cors)) return;
  if (request.method === "OPTIONS" && request.url === "*") {
    return respond(response, 200, { allow: "GET, HEAD, POST, OPTIONS" }, new Uint8Array());
  }
  const path = pathOf(request);
  const answerRpc = rpc.get(path);
  if (answerRpc === undefined) return answerFile(path, request, response, health);
  const call = readCall(request, response);
  if (call === undefined) return answerLine(response, 400, "the request names no host");
  const answer = await answerRpc(call, peerOf(request));
  exposeHeaders(response, answer.header);
  await send(answer, request, response);
}
