/**
 * Reads and checks the one message of a request before connect does. For connect a broken message is
 * INTERNAL; here it is the caller's mistake. Messages are decoded as those of gRPC are, and read within
 * the limits of src/server/received.ts.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import type { UniversalServerRequest } from "@connectrpc/connect/protocol";
import { type MethodDefinition, status } from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import { PREFIX_BYTES } from "../../contract/grpc_protocol.ts";
import { LIMITS } from "../limits.ts";
import { decompress, DecompressionError, NO_ROOM, receive } from "../received.ts";
import type { HttpRequest } from "./exchange.ts";

/** What decodes and encodes the requests of a method. */
export type RequestCodec = Pick<
  MethodDefinition<object, unknown>,
  "requestDeserialize" | "requestSerialize"
>;

/** Reads the body of a request. */
type ReadBody = HttpRequest["readBody"];

/** Checks a message, which may be compressed, and returns it as connect is to read it. */
type Check = (message: Uint8Array, isCompressed: boolean) => Uint8Array;

/** The content types of calls. Each may name a charset, if it is UTF-8. */
const CONTENT_TYPE =
  /^(application\/(?:(json|proto)|(grpc-web)(?:\+(json|proto))?))(?:\s*;\s*charset="?utf-?8"?)?\s*$/i;

/** The flag of a compressed message. */
const COMPRESSED = 1;

const invalid = (reason: string) => new ConnectError(reason, Code.InvalidArgument);
const exhausted = (reason: string) => new ConnectError(reason, Code.ResourceExhausted);

/**
 * A request whose body is its message, after the checks. Where they fail, to read the body throws a
 * {@linkcode ConnectError}, which connect puts into the form of the protocol. A request that is no call
 * stays as it is, for connect to refuse.
 *
 * @param readBody reads the body of the request
 */
export function withMessage(
  request: UniversalServerRequest,
  codec: RequestCodec,
  readBody: ReadBody,
): UniversalServerRequest {
  const [, type = "", plain, web, packed] =
    CONTENT_TYPE.exec(request.header.get("content-type") ?? "") ?? [];
  if (request.method !== "POST" || type === "") return request;
  const header = new Headers(request.header);
  header.set("content-type", type);
  header.delete("content-length");
  const encoding = takeEncoding(header, web === undefined ? "" : "grpc-");
  if (encoding === undefined) return { ...request, header };
  const isJson = (plain ?? packed)?.toLowerCase() === "json";
  const maxBytes = isJson ? LIMITS.jsonBytes : LIMITS.messageBytes;
  const check: Check = (message, isCompressed) => {
    const bytes = isCompressed ? decompressed(message, encoding, maxBytes) : message;
    return isJson ? checkedJson(bytes) : decodedAnew(bytes, codec);
  };
  const body = web === undefined
    ? unary(request.header, readBody, maxBytes, encoding, check)
    : enveloped(readBody, maxBytes, encoding, check);
  return { ...request, header, body };
}

/**
 * A call by GET as one by POST.
 *
 * @see https://connectrpc.com/docs/protocol/#unary-get-request
 */
export function asPost(request: HttpRequest): HttpRequest {
  const { search, searchParams } = new URL(request.target, "http://localhost");
  const encoding = searchParams.get("encoding");
  if (encoding !== "json" && encoding !== "proto") return request;
  const version = searchParams.get("connect") ?? "v1";
  const headers = {
    ...request.headers,
    "content-type": `application/${encoding}`,
    "content-encoding": searchParams.get("compression") ?? "identity",
    "connect-protocol-version": version === "v1" ? "1" : `connect=${version}`,
  };
  const isBase64 = searchParams.get("base64") === "1";
  // deno-lint-ignore require-await -- an error rejects the promise
  const readBody: ReadBody = async (take) => take(queryMessage(search, isBase64));
  return { ...request, method: "POST", headers, readBody };
}

function queryMessage(search: string, isBase64: boolean): Buffer {
  // Not by URLSearchParams, which would read the bytes of a message as UTF-8.
  const [, escaped = ""] = /[?&]message=([^&#]*)/.exec(search) ?? [];
  const text = escaped.replaceAll("+", " ").replace(
    /%([\da-f]{2})/gi,
    (_, code) => String.fromCharCode(parseInt(code, 16)),
  );
  return isBase64 ? fromBase64(text, "base64url") : Buffer.from(text, "latin1");
}

/** @throws {ConnectError} where there are other characters than those of base64 */
export function fromBase64(text: string, alphabet: "base64" | "base64url" = "base64"): Buffer {
  try {
    return Buffer.from(Uint8Array.fromBase64(text, { alphabet }).buffer);
  } catch {
    throw invalid("this is no base64");
  }
}

/**
 * Removes from the headers how the message is compressed: connect gets it decompressed. It compresses
 * an answer as its request was, unless the client has said what it accepts.
 *
 * @returns undefined for an encoding that is not known
 */
function takeEncoding(header: Headers, prefix: "" | "grpc-"): string | undefined {
  const [name, accepted] = prefix === ""
    ? ["content-encoding", "accept-encoding"]
    : ["grpc-encoding", "grpc-accept-encoding"];
  const encoding = header.get(name) || "identity";
  if (encoding !== "identity" && encoding !== "gzip") return undefined;
  header.delete(name);
  if (encoding === "gzip" && !header.has(accepted)) header.set(accepted, encoding);
  return encoding;
}

function checkSize(size: number, maxBytes: number): void {
  if (size > maxBytes) throw exhausted(`a request of more than ${maxBytes} bytes`);
}

/** The message of a call by Connect: all of its body. */
async function* unary(
  header: Headers,
  readBody: ReadBody,
  maxBytes: number,
  encoding: string,
  check: Check,
): AsyncIterable<Uint8Array> {
  const version = header.get("connect-protocol-version") || "1";
  if (version !== "1") throw invalid(`the version of Connect is 1, not ${version}`);
  checkSize(Number(header.get("content-length")), maxBytes);
  const isCompressed = encoding !== "identity";
  yield await takeBody(
    readBody,
    ({ length }) => checkSize(length, maxBytes),
    (all) => check(all, isCompressed && all.length > 0),
  );
}

/**
 * The message of a call by gRPC-Web, which has a prefix.
 *
 * @see https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md#requests
 */
async function* enveloped(
  readBody: ReadBody,
  maxBytes: number,
  encoding: string,
  check: Check,
): AsyncIterable<Uint8Array> {
  const sizeOf = (bytes: Buffer) => bytes.length < PREFIX_BYTES ? 0 : bytes.readUInt32BE(1);
  const look = (sofar: Buffer) => {
    const size = sizeOf(sofar);
    checkSize(size, maxBytes);
    if (sofar.length <= PREFIX_BYTES + size) return;
    throw new ConnectError("the request has more than one message", Code.Unimplemented);
  };
  yield await takeBody(readBody, look, (all) => {
    // connect refuses a call without a message.
    if (all.length === 0) return all;
    if (all.length < PREFIX_BYTES + sizeOf(all)) throw invalid("the message is cut off");
    const flags = all[0]!;
    if (flags > COMPRESSED) throw invalid(`a message with the flags ${flags}`);
    if (flags === COMPRESSED && encoding === "identity") {
      // https://github.com/grpc/grpc/blob/master/doc/compression.md
      throw new ConnectError("a compressed message without grpc-encoding", Code.Internal);
    }
    const message = check(all.subarray(PREFIX_BYTES), flags === COMPRESSED);
    const prefix = Buffer.alloc(PREFIX_BYTES);
    prefix.writeUInt32BE(message.length, 1);
    return Buffer.concat([prefix, message]);
  });
}

/**
 * Takes in the body of a request as it comes.
 *
 * @param look called with what has come so far, after each part; it throws to refuse the message
 * @param use called with all of it, the memory of which is given back afterwards
 */
async function takeBody<T>(
  readBody: ReadBody,
  look: (sofar: Buffer) => void,
  use: (all: Buffer) => T,
): Promise<T> {
  const { promise: refused, reject: refuse } = Promise.withResolvers<never>();
  const received = receive(() => refuse(exhausted(NO_ROOM)));
  let isOver = false;
  const read = readBody((part) => {
    // The rest of a message that was refused is dropped.
    if (isOver) return;
    received.add(part);
    try {
      look(received.bytes());
    } catch (error) {
      refuse(error);
    }
  }).catch((error) => {
    if (error instanceof ConnectError) throw error;
    throw new ConnectError("the client went away", Code.Canceled);
  });
  try {
    await Promise.race([read, refused]);
    return use(received.bytes());
  } finally {
    isOver = true;
    received.release();
  }
}

function decompressed(bytes: Uint8Array, encoding: string, maxBytes: number): Uint8Array {
  try {
    return decompress(bytes, encoding, maxBytes);
  } catch (error) {
    if (!(error instanceof DecompressionError)) throw error;
    const { code, details } = error;
    // The codes of Connect are those of gRPC.
    throw new ConnectError(
      details,
      code === status.INTERNAL ? Code.InvalidArgument : code as number,
    );
  }
}

/** A message that was decoded and is encoded again, without the fields that are not in the contract. */
function decodedAnew(bytes: Uint8Array, codec: RequestCodec): Uint8Array {
  let request;
  try {
    request = codec.requestDeserialize(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  } catch (error) {
    throw invalid(`the message cannot be decoded: ${(error as Error).message}`);
  }
  return codec.requestSerialize(request);
}

/** JSON that is UTF-8, and not nested so deeply that its parser would be busy for long. */
function checkedJson(bytes: Uint8Array): Uint8Array {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw invalid("the JSON is not UTF-8");
  }
  if (depthOf(bytes) > LIMITS.jsonDepth) {
    throw invalid(`the JSON is nested deeper than ${LIMITS.jsonDepth} levels`);
  }
  // A copy: the memory in which it was received is given back.
  return Uint8Array.from(bytes);
}

/** How deep the brackets of a JSON text are nested, whether it is right or not. */
function depthOf(bytes: Uint8Array): number {
  const [QUOTE, BACKSLASH, ...brackets] = Buffer.from('"\\[{]}');
  let depth = 0, deepest = 0, inText = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (inText && byte === BACKSLASH) at++;
    else if (byte === QUOTE) inText = !inText;
    else if (!inText && brackets.includes(byte)) {
      depth += brackets.indexOf(byte) < 2 ? 1 : -1;
      deepest = Math.max(deepest, depth);
    }
  }
  return deepest;
}
