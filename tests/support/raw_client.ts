/** A gRPC client that stops between the frames of a call, which real ones never do. */
import { Buffer } from "node:buffer";
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type ClientSessionOptions,
  connect,
  type OutgoingHttpHeaders,
} from "node:http2";
import { getUserRequest, grpcMessage, stringIn } from "./frames.ts";

/** What came back for one call. */
export interface Answer {
  /** The trailer `grpc-status`. */
  readonly status: string;
  /** The message of the response; undefined if there was none. */
  readonly message: string | undefined;
}

/** Opens a connection and waits until the server has answered on it. */
export async function openSession(
  port: number,
  options: ClientSessionOptions = {},
): Promise<ClientHttp2Session> {
  const session = connect(`http://127.0.0.1:${port}`, options);
  // What a server that goes away does to the session is the test's subject, not its failure.
  session.on("error", () => {});
  await new Promise<void>((resolve) => session.once("connect", () => resolve()));
  await roundTrip(session);
  return session;
}

/** Waits until the server has seen everything that was sent before. */
export function roundTrip(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve, reject) =>
    session.ping((error: Error | null) => error ? reject(error) : resolve())
  );
}

/** Waits until the server announces that it goes away. */
export function goaway(session: ClientHttp2Session): Promise<void> {
  return new Promise((resolve) => session.once("goaway", () => resolve()));
}

/**
 * Sends the headers of a call of GetUser, without its message.
 *
 * @param changes headers to replace or to add
 */
export function startCall(
  session: ClientHttp2Session,
  changes: OutgoingHttpHeaders = {},
): ClientHttp2Stream {
  return session.request({
    ":method": "POST",
    ":path": "/userservice.UserService/GetUser",
    "content-type": "application/grpc",
    "te": "trailers",
    ...changes,
  });
}

/** Sends the message of a call that was started and waits for the answer. */
export async function finishCall(stream: ClientHttp2Stream, username: string): Promise<Answer> {
  return await sendMessage(stream, grpcMessage(getUserRequest(username)));
}

/** Sends any bytes as the message of a call and waits for the answer. */
export async function sendMessage(stream: ClientHttp2Stream, bytes: Uint8Array): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const chunks: Uint8Array[] = [];
  let status = "";
  stream.on("response", (headers) => status = String(headers["grpc-status"] ?? ""));
  stream.on("trailers", (headers) => status = String(headers["grpc-status"]));
  stream.on("data", (chunk: Uint8Array) => chunks.push(chunk));
  stream.on("error", reject);
  stream.on("close", () => {
    const body = Buffer.concat(chunks);
    resolve({ status, message: body.length === 0 ? undefined : stringIn(body.subarray(5)) });
  });
  stream.end(bytes);
  return await promise;
}
