/** A request that is not gRPC and its response, the same for HTTP/1.1 and HTTP/2. */
import type { Socket } from "node:net";
import type { RequestHeaders } from "../received.ts";

/** A request of HTTP/1.1 or of a stream of HTTP/2. */
export interface HttpRequest {
  /** `1.0`, `1.1` or `2.0`. */
  readonly httpVersion: string;
  readonly method: string;
  /** The path with its query, or a whole URL, as it was sent. */
  readonly target: string;
  /** By names in lower case; by HTTP/2 there are pseudo-headers as well, and `host` is `:authority`. */
  readonly headers: RequestHeaders;
  /** The connection that it came by. */
  readonly socket: Pick<Socket, "remoteAddress" | "remotePort">;
  /** Aborted when the client goes away before its answer. */
  readonly signal: AbortSignal;
  /**
   * Reads the body; to be called once, or not at all: what nobody has read is dropped after the answer.
   *
   * @param take takes each part as it comes
   * @returns resolves when all of it has come
   * @throws {Error} if the client goes away before, or sends what is no body
   */
  readBody(take: (part: Uint8Array) => void): Promise<void>;
}

/** A whole response. */
export interface HttpResponse {
  readonly status: number;
  /** By names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
  /** To be called once, when the body is sent, or nobody takes it any more. */
  readonly release?: () => void;
}

/** Answers a request; it always resolves. */
export type AnswerRequest = (request: HttpRequest) => Promise<HttpResponse>;

/** Headers of what is here: no other site may hold it in a page of its own. */
export const OWN = {
  "cache-control": "no-store",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

const NOTHING = new Uint8Array();

/** A response without a body. */
export function emptyResponse(status: number, headers: HttpResponse["headers"]): HttpResponse {
  return { status, headers, body: NOTHING };
}

/** A response of one line of text, which no browser takes for something else. */
export function lineResponse(
  status: number,
  line: string,
  headers: HttpResponse["headers"] = {},
): HttpResponse {
  return textResponse(status, `${line}\n`, {
    "content-type": "text/plain; charset=utf-8",
    "x-content-type-options": "nosniff",
    ...headers,
  });
}

/** A response with a text, whose type the headers say. */
export function textResponse(
  status: number,
  text: string,
  headers: HttpResponse["headers"],
): HttpResponse {
  return { status, headers, body: new TextEncoder().encode(text) };
}

/** The response with its length; to HEAD it is the length of what is not sent. */
export function withLength(response: HttpResponse, method: string): HttpResponse {
  // RFC 9110, section 8.6: this status has no body, and no length.
  if (response.status === 204) return response;
  const headers = { ...response.headers, "content-length": String(response.body.length) };
  return { ...response, headers, body: method === "HEAD" ? NOTHING : response.body };
}
