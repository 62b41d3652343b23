/** What pages of other origins may read and send: https://fetch.spec.whatwg.org/#http-cors-protocol */
import { cors } from "@connectrpc/connect";
import { emptyResponse, type HttpRequest, type HttpResponse } from "./exchange.ts";

/** How long a browser may remember what it was allowed, in seconds: the longest that Chromium knows. */
const MAX_AGE_SECONDS = 7_200;

/** A response that pages of these origins may read, with all its headers. */
export function withCors(
  response: HttpResponse,
  request: HttpRequest,
  origins: readonly string[],
): HttpResponse {
  if (origins.length === 0) return response;
  const origin = allowedOrigin(request, origins);
  // The metadata of a call are headers, and may have any name.
  const names = Object.keys(response.headers).filter((name) =>
    !/^(?:content|access-control)-/.test(name)
  );
  const allowed: Record<string, string> = origin === undefined ? {} : {
    "access-control-allow-origin": origin,
    "access-control-expose-headers": [...cors.exposedHeaders, ...names].join(", "),
  };
  return { ...response, headers: { vary: "Origin", ...allowed, ...response.headers } };
}

/** The response to a browser that asks what a page of these origins may send; else undefined. */
export function preflightResponse(
  request: HttpRequest,
  origins: readonly string[],
): HttpResponse | undefined {
  const {
    "access-control-request-method": method,
    "access-control-request-headers": names,
  } = request.headers;
  if (request.method !== "OPTIONS" || method === undefined) return undefined;
  if (allowedOrigin(request, origins) === undefined) return undefined;
  return emptyResponse(204, {
    "access-control-allow-methods": cors.allowedMethods.join(", "),
    // Whatever is asked for: the metadata of a call may have any name.
    ...(typeof names === "string" ? { "access-control-allow-headers": names } : {}),
    "access-control-max-age": String(MAX_AGE_SECONDS),
  });
}

function allowedOrigin(
  { headers: { origin } }: HttpRequest,
  origins: readonly string[],
): string | undefined {
  return typeof origin === "string" && origins.includes(origin) ? origin : undefined;
}
