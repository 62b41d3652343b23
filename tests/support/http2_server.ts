import { createServer, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";

/** Gives a test an HTTP/2 server that accepts every call and never answers one. */
export async function withMutePeer(use: (port: number) => Promise<void>): Promise<void> {
  await withStreams(() => {}, use);
}

/**
 * Gives a test an HTTP/2 server on 127.0.0.1 that answers calls of GetUser itself.
 *
 * @param answer is called when the whole request is there
 */
export async function withPeerThat(
  answer: (stream: ServerHttp2Stream, username: string) => void,
  use: (port: number) => Promise<void>,
): Promise<void> {
  await withStreams((stream) => {
    let request: number[] = [];
    stream.on("data", (chunk: Uint8Array) => request = [...request, ...chunk]);
    // The prefix of five bytes, the tag of the field, its length in one byte.
    stream.on(
      "end",
      () => answer(stream, new TextDecoder().decode(new Uint8Array(request.slice(7)))),
    );
  }, use);
}

async function withStreams(
  take: (stream: ServerHttp2Stream) => void,
  use: (port: number) => Promise<void>,
): Promise<void> {
  const sessions = new Set<ServerHttp2Session>();
  const server = createServer();
  server.on("session", (session) => {
    sessions.add(session);
    session.on("error", () => {});
  });
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => {});
    take(stream);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use((server.address() as AddressInfo).port);
  } finally {
    for (const session of sessions) session.destroy();
    await new Promise<void>((resolve) => void server.close(() => resolve()));
  }
}
