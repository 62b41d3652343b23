/** A gRPC client that stops between the frames of a call, which real ones never do. */
import { Buffer } from "node:buffer";
import { connect as connectTcp } from "node:net";
import type { Headers } from "../../src/http2/fields.ts";
import type { OutgoingHeaders } from "../../src/http2/hpack_encoder.ts";
import { connect } from "../../src/http2/http2.ts";
import type { Session } from "../../src/http2/session.ts";
import type { Stream } from "../../src/http2/stream.ts";
import { getUserRequest, grpcMessage, stringIn } from "./frames.ts";

/** What came back for one call. */
export interface Answer {
  /** The trailer `grpc-status`. */
  readonly status: string;
  /** The message of the response; undefined if there was none. */
  readonly message: string | undefined;
}

/** What a server announces by SETTINGS, by the names of node:http2. */
export type Settings = Readonly<Record<string, number>>;

/** Opens a connection and waits until the server has answered on it. */
export async function openSession(
  port: number,
  onSettings: (settings: Settings) => void = () => {},
): Promise<Session> {
  const session = connect(`http://127.0.0.1:${port}`, {
    createConnection: () => connectTcp(port, "127.0.0.1"),
  });
  session.once("remoteSettings", onSettings);
  await roundTrip(session);
  return session;
}

/** Waits until the server has seen everything that was sent before. */
export function roundTrip(session: Session): Promise<void> {
  return new Promise((resolve, reject) =>
    session.ping((error: Error | null) => error ? reject(error) : resolve())
  );
}

/** Waits until the server announces that it goes away. */
export function goaway(session: Session): Promise<void> {
  return new Promise((resolve) => session.once("goaway", () => resolve()));
}

/**
 * Sends the headers of a call of GetUser, without its message.
 *
 * @param changes headers to replace or to add
 */
export function startCall(session: Session, changes: OutgoingHeaders = {}): Stream {
  return session.request({
    ":method": "POST",
    ":authority": `127.0.0.1:${session.socket.remotePort}`,
    ":path": "/userservice.UserService/GetUser",
    "content-type": "application/grpc",
    "te": "trailers",
    ...changes,
  });
}

/** Sends the message of a call that was started and waits for the answer. */
export async function finishCall(stream: Stream, username: string): Promise<Answer> {
  return await sendMessage(stream, grpcMessage(getUserRequest(username)));
}

/** Sends any bytes as the message of a call and waits for the answer. */
export async function sendMessage(stream: Stream, bytes: Uint8Array): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const chunks: Uint8Array[] = [];
  let status = "";
  stream.on("response", (headers: Headers) => status = String(headers["grpc-status"] ?? ""));
  stream.on("trailers", (headers: Headers) => status = String(headers["grpc-status"]));
  stream.on("data", (chunk: Uint8Array) => chunks.push(chunk));
  stream.on("error", reject);
  stream.on("close", () => {
    const body = Buffer.concat(chunks);
    resolve({ status, message: body.length === 0 ? undefined : stringIn(body.subarray(5)) });
  });
  stream.end(bytes);
  return await promise;
}
