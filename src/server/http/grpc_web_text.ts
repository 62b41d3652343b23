/** gRPC-Web in text: the bytes of its binary form in base64, which connect does not know. */
import type { UniversalServerResponse } from "@connectrpc/connect/protocol";
import { Buffer } from "node:buffer";

/** Whether a request is one of gRPC-Web in text. */
export function isText(header: Headers): boolean {
  return /^application\/grpc-web-text\b/i.test(header.get("content-type") ?? "");
}

/**
 * An answer in binary as one in text.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md
 */
export function asText(response: UniversalServerResponse): UniversalServerResponse {
  if (response.body === undefined) return response;
  const header = new Headers(response.header);
  const type = header.get("content-type") ?? "";
  header.set("content-type", type.replace("application/grpc-web", "application/grpc-web-text"));
  return { ...response, header, body: encode(response.body) };
}

async function* encode(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  for await (const chunk of body) yield Buffer.from(Buffer.from(chunk).toString("base64"));
}
