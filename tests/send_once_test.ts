/** What leaves once per turn of the event loop leaves whole and in order. */
import assert from "node:assert/strict";
import { once } from "node:events";
import {
  type ClientHttp2Stream,
  connect,
  createServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { sendOncePerTurn } from "../src/workarounds/send_once.ts";
import { withMutePeer } from "./support/http2_server.ts";
import { programTest } from "./support/program.ts";

/** Makes a request of a server that sends once per turn. */
async function withStream(
  answer: (stream: ServerHttp2Stream) => void,
  use: (stream: ClientHttp2Stream) => Promise<void>,
): Promise<void> {
  const server = createServer();
  let socket: Socket;
  server.prependListener("connection", (connection) => void (socket = connection));
  server.on("session", (session: ServerHttp2Session) => {
    assert.equal(sendOncePerTurn(session, socket), true, "this Deno keeps its sessions elsewhere");
  });
  server.on("stream", answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const client = connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    const stream = client.request({ ":method": "POST" });
    stream.on("error", () => {});
    await use(stream);
  } finally {
    client.destroy();
    server.close();
  }
}

async function textOf(stream: ClientHttp2Stream): Promise<string> {
  let text = "";
  stream.setEncoding("utf8").on("data", (chunk: string) => text += chunk);
  await once(stream, "close");
  return text;
}

// The first, since one session that sends once per turn changes the streams of all.
programTest(
  "a request that is reset in the turn it began in closes",
  () =>
    withMutePeer(async (port) => {
      const session = connect(`http://127.0.0.1:${port}`);
      await once(session, "remoteSettings");
      const first = session.request({ ":method": "POST" });
      first.on("error", () => {});
      assert.equal(sendOncePerTurn(session, session.socket, first), true);
      const second = session.request({ ":method": "POST" });
      second.close(8);
      await once(second, "close", { signal: AbortSignal.timeout(5_000) });
      assert.equal(second.rstCode, 8);
      session.destroy();
    }),
);

programTest("an answer with trailers arrives whole", () =>
  withStream((stream) => {
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ last: "1" }));
    stream.end("x".repeat(100_000));
  }, async (stream) => {
    const trailers = once(stream, "trailers");
    stream.end();
    assert.equal((await textOf(stream)).length, 100_000);
    assert.equal((await trailers)[0].last, "1");
  }));

programTest("what was written before a reset arrives before it", () =>
  withStream((stream) => {
    stream.respond({ ":status": 200 });
    stream.write("written");
    stream.close(8);
  }, async (stream) => {
    assert.equal(await textOf(stream), "written");
    assert.equal(stream.rstCode, 8);
  }));

programTest(
  "what was written before the session is destroyed arrives",
  () =>
    withStream((stream) => {
      stream.respond({ ":status": 200 });
      stream.write("written");
      stream.session!.destroy();
    }, async (stream) => assert.equal(await textOf(stream), "written")),
);

programTest("the last answer of a session that closes arrives whole", () =>
  withStream((stream) => {
    stream.respond({ ":status": 200 }, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers({ last: "1" }));
    stream.resume().on("end", () => {
      stream.session!.close();
      stream.end("written");
    });
  }, async (stream) => {
    const trailers = once(stream, "trailers");
    stream.end();
    assert.equal(await textOf(stream), "written");
    assert.equal((await trailers)[0].last, "1");
  }));
