/** gRPC-Web in text: the bytes of its binary form in base64, which connect does not know. */
import { Buffer } from "node:buffer";
import type {
  UniversalHandler,
  UniversalServerRequest,
  UniversalServerResponse,
} from "@connectrpc/connect/protocol";

const TEXT = /^application\/grpc-web-text\b/i;

/** Whether a request is one of gRPC-Web in text. */
export function isText(header: Headers): boolean {
  return TEXT.test(header.get("content-type") ?? "");
}

/**
 * Answers a request in text by what answers it in binary.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md
 */
export async function asText(
  request: UniversalServerRequest,
  handler: UniversalHandler,
): Promise<UniversalServerResponse> {
  const header = new Headers(request.header);
  header.set("content-type", header.get("content-type")!.replace(TEXT, "application/grpc-web"));
  header.delete("content-length");
  const body = decode(request.body as AsyncIterable<Uint8Array>);
  const response = await handler({ ...request, header, body });
  if (response.body === undefined) return response;
  const answered = new Headers(response.header);
  const type = answered.get("content-type") ?? "";
  answered.set("content-type", type.replace("application/grpc-web", "application/grpc-web-text"));
  return { ...response, header: answered, body: encode(response.body) };
}

/** Four characters at a time; a client may end any four with padding. */
async function* decode(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  let rest = "";
  for await (const chunk of body) {
    const text = rest + Buffer.from(chunk).toString("latin1").replace(/\s+/g, "");
    const whole = text.length - text.length % 4;
    rest = text.slice(whole);
    const parts = text.slice(0, whole).match(/[^=]+=*/g) ?? [];
    yield Buffer.concat(parts.map((part) => Buffer.from(part, "base64")));
  }
  yield Buffer.from(rest, "base64");
}

async function* encode(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
  for await (const chunk of body) yield Buffer.from(Buffer.from(chunk).toString("base64"));
}
