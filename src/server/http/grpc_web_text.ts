/**
 * gRPC-Web in text, which connect does not know: the bytes of its binary form in base64.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-WEB.md
 */
import { Buffer } from "node:buffer";
import type { HttpRequest, HttpResponse } from "./exchange.ts";
import { fromBase64 } from "./request_message.ts";

const BINARY = "application/grpc-web", TEXT = "application/grpc-web-text";

/** Whether a request is one of gRPC-Web in text. */
export function isTextForm({ headers }: HttpRequest): boolean {
  return new RegExp(`^${TEXT}\\b`, "i").test(String(headers["content-type"]));
}

/** A request in text as one in binary. */
export function fromText(request: HttpRequest): HttpRequest {
  const type = String(request.headers["content-type"]);
  const headers = { ...request.headers, "content-type": BINARY + type.slice(TEXT.length) };
  const readBody: HttpRequest["readBody"] = (take) => {
    const { promise: broken, reject } = Promise.withResolvers<never>();
    const decoder = base64Decoder(take);
    const read = request.readBody((part) => {
      try {
        decoder.add(part);
      } catch (error) {
        reject(error);
      }
    });
    return Promise.race([read.then(decoder.end), broken]);
  };
  return { ...request, headers, readBody };
}

/** A response in binary as one in text. */
export function toText({ status, headers, body }: HttpResponse): HttpResponse {
  const type = headers["content-type"] ?? "";
  if (!type.startsWith(BINARY)) return { status, headers, body };
  const text = Buffer.from(body).toString("base64");
  return {
    status,
    headers: { ...headers, "content-type": TEXT + type.slice(BINARY.length) },
    body: Buffer.from(text),
  };
}

/** Decodes base64 that comes in any parts. Any four characters may end with padding. */
function base64Decoder(take: (bytes: Uint8Array) => void) {
  let rest = "";
  const decode = (text: string) => {
    for (const part of text.match(/[^=]+=*/g) ?? []) take(fromBase64(part));
  };
  return {
    add(part: Uint8Array) {
      const text = rest + Buffer.from(part).toString("latin1").replace(/\s+/g, "");
      const end = text.length - text.length % 4;
      rest = text.slice(end);
      decode(text.slice(0, end));
    },
    end: () => decode(rest),
  };
}
