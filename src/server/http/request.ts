import type { IncomingMessage, ServerResponse } from "node:http";
import type { Http2Request, Http2Response } from "./http2_exchange.ts";

/** A request, of HTTP/1.1 or HTTP/2. */
export type Request = IncomingMessage | Http2Request;

/** Its response. */
export type Response = ServerResponse | Http2Response;

/** The path of a request, whose target may be a whole URL; empty where it is neither. */
export function pathOf({ url = "" }: Request): string {
  if (url.startsWith("/")) return url.split("?", 1)[0]!;
  return URL.canParse(url) ? new URL(url).pathname : "";
}

/** Answers with one line of text, which no browser takes for something else. */
export function answerLine(
  response: Response,
  status: number,
  line: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  answerWith(response, status, `${line}\n`, {
    "content-type": "text/plain; charset=utf-8",
    "x-content-type-options": "nosniff",
    ...headers,
  });
}

/** Answers with a text; the answer to HEAD has its length and nothing of it. */
export function answerWith(
  response: Response,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>>,
): void {
  respond(response, status, headers, new TextEncoder().encode(text));
}

/** Sends a whole response, unless there is one already, or nobody any more who waits for it. */
export function respond(
  response: Response,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: Uint8Array,
): void {
  if (response.headersSent || response.destroyed) return;
  // Both kinds have these methods; TypeScript does not see that their signatures are alike.
  const own = response as ServerResponse;
  own.writeHead(status, { ...headers, "content-length": String(body.length) });
  if (own.req.method === "HEAD") own.end();
  else own.end(body);
}
