import type { Headers } from "../../http2/fields.ts";
import { NO_ERROR } from "../../http2/frames.ts";
import type { Session } from "../../http2/session.ts";
import type { Stream } from "../../http2/stream.ts";
import { setTimeoutUntilClose } from "../connection/connections.ts";
import { LIMITS } from "../limits.ts";
import type { AnswerRequest, HttpRequest } from "./exchange.ts";

/**
 * Answers a stream of HTTP/2 that is not gRPC. It is closed if its request takes too long to come, or
 * its answer too long to be taken.
 */
export async function answerStream(
  stream: Stream,
  fields: Headers,
  answer: AnswerRequest,
): Promise<void> {
  if (stream.destroyed || stream.closed) return;
  stream.keepsReading = true;
  const cancelTimeout = setTimeoutUntilClose(stream, LIMITS.requestMs, () => {
    if (!stream.remoteEnded) stream.destroy();
  });
  const gone = new AbortController();
  const abort = () => gone.abort();
  stream.once("close", abort);
  const { status, headers, body, release } = await answer(requestOf(stream, fields, gone.signal));
  stream.off("close", abort);
  cancelTimeout();
  if (stream.destroyed || stream.closed) return release?.();
  if (release !== undefined) stream.once("close", release);
  setTimeoutUntilClose(stream, LIMITS.requestMs, () => stream.destroy());
  const isEmpty = body.length === 0;
  stream.respond({ ":status": status, ...headers }, { endStream: isEmpty });
  if (!isEmpty) stream.end(body);
  dropRest(stream);
}

function requestOf(stream: Stream, fields: Headers, signal: AbortSignal): HttpRequest {
  const { ":method": method, ":path": target, ":authority": authority } = fields;
  return {
    httpVersion: "2.0",
    method: String(method),
    target: String(target ?? ""),
    // RFC 9113, section 8.3.1: `:authority` stands for it.
    headers: authority === undefined ? fields : { ...fields, host: String(authority) },
    socket: (stream.session as Session).socket,
    signal,
    readBody: (take) =>
      new Promise((resolve, reject) => {
        stream.on("data", take);
        stream.once("end", resolve);
        stream.once("close", () => reject(new Error("the client went away")));
        stream.resume();
      }),
  };
}

/**
 * Drops what still comes of a request that has its answer. For a while the stream stays open for it,
 * since curl 7.88 takes the end of a stream on which it still sends for a failure.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9113#section-8.1
 */
function dropRest(stream: Stream): void {
  stream.removeAllListeners("data");
  stream.resume();
  if (stream.remoteEnded || stream.closed) return;
  setTimeoutUntilClose(stream, LIMITS.lingerMs, () => stream.close(NO_ERROR));
}
