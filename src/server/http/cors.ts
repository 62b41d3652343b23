import { cors } from "@connectrpc/connect";
import type { Request, Response } from "./request.ts";

/** How long a browser may remember what it was allowed, in seconds: the longest that Chromium knows. */
const MAX_AGE_SECONDS = 7_200;

const EXPOSED = "access-control-expose-headers";

/**
 * Lets pages of these origins read answers. Where there are none it says nothing, and a browser keeps
 * every answer from the pages of other origins.
 *
 * @returns whether that was the whole answer: to a browser that asks what a page may send
 * @see https://fetch.spec.whatwg.org/#http-cors-protocol
 */
export function allowOrigin(
  request: Request,
  response: Response,
  origins: readonly string[],
): boolean {
  if (origins.length === 0) return false;
  response.setHeader("vary", "Origin");
  const { origin, "access-control-request-method": asked } = request.headers;
  if (typeof origin !== "string" || !origins.includes(origin)) return false;
  response.setHeader("access-control-allow-origin", origin);
  response.setHeader(EXPOSED, cors.exposedHeaders.join(", "));
  if (request.method !== "OPTIONS" || asked === undefined) return false;
  const { "access-control-request-headers": headers } = request.headers;
  response.setHeader("access-control-allow-methods", cors.allowedMethods.join(", "));
  // The metadata of a call are headers, and may have any name.
  if (typeof headers === "string") response.setHeader("access-control-allow-headers", headers);
  response.setHeader("access-control-max-age", String(MAX_AGE_SECONDS));
  response.statusCode = 204;
  response.end();
  return true;
}

/** Lets those who may read an answer read its headers too: the metadata of a call have any names. */
export function exposeHeaders(response: Response, header = new Headers()): void {
  const exposed = response.getHeader(EXPOSED);
  if (exposed === undefined) return;
  const names = [...header.keys()].filter((name) => !name.startsWith("content-"));
  response.setHeader(EXPOSED, [exposed, ...names].join(", "));
}
