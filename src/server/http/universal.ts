/** Requests and responses in the types of connect. */
import type { ContextValues } from "@connectrpc/connect";
import type { UniversalServerRequest, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { Buffer } from "node:buffer";
import { dropFarDeadline } from "../../workarounds/far_deadlines.ts";
import { plainAddress } from "../connection/connections.ts";
import { type HttpRequest, type HttpResponse, lineResponse } from "./exchange.ts";

/**
 * A request as connect reads it, without its body; undefined if it names no host, or none that can be
 * one.
 */
export function universalRequest(
  { httpVersion, method, target, headers, signal }: HttpRequest,
  contextValues: ContextValues,
): UniversalServerRequest | undefined {
  // Only the path and the query are looked at.
  const base = `http://${headers["host"] ?? ""}`;
  if (!URL.canParse(target, base)) return undefined;
  const url = new URL(target, base).toString();
  const header = new Headers();
  for (const [name, values] of Object.entries(headers)) {
    if (values === undefined || name.startsWith(":")) continue;
    for (const value of [values].flat()) header.append(name, value);
  }
  dropFarDeadline(header);
  return { httpVersion, method, url, header, body: nothing(), signal, contextValues };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** The response to a request, of an answer of connect, whose calls have one message each. */
export async function httpResponse(
  { status, header, body }: UniversalServerResponse,
  method: string,
): Promise<HttpResponse> {
  const headers = Object.fromEntries(header ?? []);
  if (body === undefined) return refusal(status, headers, method);
  return { status, headers, body: Buffer.concat(await Array.fromAsync(body)) };
}

/** The response to what connect refuses without a word. */
function refusal(status: number, headers: HttpResponse["headers"], method: string): HttpResponse {
  if (status === 405) {
    return lineResponse(status, "only POST and GET are allowed here", {
      ...headers,
      allow: "GET, POST",
    });
  }
  const how = method === "GET"
    ? 'GET takes the parameters encoding=json and message={"username":"Alice"}'
    : "POST takes application/json, application/proto and application/grpc-web; " +
      "application/grpc needs HTTP/2";
  return lineResponse(status, how, headers);
}

/** The address of a client as grpc-js writes it, or the name that it was given. */
export function peerOf({ remoteAddress = "unknown", remotePort }: HttpRequest["socket"]): string {
  const address = plainAddress(remoteAddress);
  return remotePort === undefined ? address : `${address}:${remotePort}`;
}
