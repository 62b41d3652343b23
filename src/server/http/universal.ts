/** Requests and responses of HTTP/1.1 and HTTP/2 as connect knows them. */
import { universalRequestFromNodeRequest } from "@connectrpc/connect-node";
import type { UniversalServerRequest, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import { dropFarDeadline } from "../../workarounds/far_deadlines.ts";
import { plainAddress } from "../connection/connections.ts";
import { answerLine, type Request, respond, type Response } from "./request.ts";

/** A request as connect reads it; undefined if it names no host, or none that can be one. */
export function readCall(
  request: Request,
  response: Response,
): UniversalServerRequest | undefined {
  let call;
  try {
    call = universalRequestFromNodeRequest(
      request as IncomingMessage,
      response as ServerResponse,
      undefined,
      undefined,
    );
  } catch {
    return undefined;
  }
  dropFarDeadline(call.header);
  // Nobody iterates over it: a request that is not read to its end must not take its answer with it.
  return { ...call, body: request };
}

/** Sends an answer of connect, whose calls have one message each, at once. */
export async function send(
  { status, header, body }: UniversalServerResponse,
  request: Request,
  response: Response,
): Promise<void> {
  if (body === undefined) return refuse(status, header, request, response);
  const bytes = Buffer.concat(await Array.fromAsync(body));
  respond(response, status, Object.fromEntries(header ?? []), bytes);
}

/** What connect refuses without a word. */
function refuse(
  status: number,
  header: Headers | undefined,
  { method = "" }: Request,
  response: Response,
): void {
  const headers = Object.fromEntries(header ?? []);
  if (status === 405) {
    return answerLine(response, status, "only POST and GET are allowed here", {
      ...headers,
      allow: "GET, POST",
    });
  }
  const how = method === "GET"
    ? 'GET takes the parameters encoding=json and message={"username":"Alice"}'
    : "POST takes application/json, application/proto and application/grpc-web; " +
      "application/grpc needs HTTP/2";
  answerLine(response, status, how, headers);
}

/** The address of a client as grpc-js writes it, or the name that it was given. */
export function peerOf({ socket }: Request): string {
  const { remoteAddress = "unknown", remotePort } = socket;
  const address = plainAddress(remoteAddress);
  return remotePort === undefined ? address : `${address}:${remotePort}`;
}
