/** Connections of HTTP, and requests that come in parts. */
import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { ask, framed, GET_USER, message } from "./support/http_client.ts";
import { posixTest, programTest, Transcript, withServe } from "./support/program.ts";

/** How long an answer may take, in milliseconds. */
const ANSWER_MS = 10_000;

/** A connection that sends what it is told to, also after the server has closed its side. */
function openConnection(port: number) {
  const socket = connect({ host: "127.0.0.1", port, allowHalfOpen: true, noDelay: true });
  socket.on("error", () => {});
  socket.setTimeout(ANSWER_MS, () => socket.destroy());
  let ended = false;
  const received = new ReadableStream<Uint8Array>({
    start(controller) {
      const end = () => {
        if (!ended) controller.close();
        ended = true;
      };
      socket.on("data", (bytes: Uint8Array<ArrayBuffer>) => controller.enqueue(bytes));
      socket.on("end", end);
      socket.on("close", end);
    },
  });
  return {
    received: new Transcript(received),
    send: (bytes: string | Uint8Array) => void socket.write(bytes),
    close: () => new Promise((resolve) => socket.once("close", resolve).destroy()),
  };
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const head = (length: number, ...fields: readonly string[]) =>
  [`POST ${GET_USER} HTTP/1.1`, "host: localhost", `content-length: ${length}`, ...fields, "", ""]
    .join("\r\n");
const JSON_TYPE = "content-type: application/json";
const greet = (username: string) => {
  const body = JSON.stringify({ username });
  return head(body.length, JSON_TYPE) + body;
};
const HEALTH = "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";

programTest("a connection takes one request after another", () =>
  withServe(async ({ port }) => {
    const connection = openConnection(port);
    const { received } = connection;
    for (const name of ["Ann", "Bob"]) {
      connection.send(greet(name));
      await received.until(new RegExp(`keep-alive[^]*Привет, ${name}!`));
    }
    connection.send(greet("Cid") + HEALTH + greet("Dan"));
    await received.until(/Привет, Cid![^]*\nSERVING\n[^]*Привет, Dan!/);
    // A request that is answered before it is there.
    connection.send("POST /nothing HTTP/1.1\r\nhost: localhost\r\ncontent-length: 4\r\n\r\n");
    await received.until(/not found/);
    connection.send(`rest${greet("Eve")}`);
    await received.until(/Привет, Eve!/);
    const large = "a".repeat(5 * 1024 * 1024);
    connection.send(head(large.length, JSON_TYPE) + large + greet("Fay"));
    await received.until(/resource_exhausted[^]*Привет, Fay!/);
    await connection.close();
  }));

programTest(
  "a deadline that passes before the request is there is told",
  () =>
    withServe(async ({ port }) => {
      const json = openConnection(port);
      json.send(head(18, JSON_TYPE, "connect-timeout-ms: 50"));
      const web = openConnection(port);
      const request = framed(message("Bob"));
      const type = "content-type: application/grpc-web+proto";
      web.send(head(request.length, type, "grpc-timeout: 50m"));
      const session = connectHttp2(`http://127.0.0.1:${port}`);
      const stream = session.request({
        ":method": "POST",
        ":path": GET_USER,
        "content-type": "application/json",
        "connect-timeout-ms": "50",
      });
      const answered = Promise.withResolvers<number>();
      stream.on("response", (headers) => answered.resolve(Number(headers[":status"])));
      stream.on("close", () => answered.resolve(0));
      session.setTimeout(ANSWER_MS, () => session.destroy());
      await pause(500);
      json.send('{"username":"Ann"}');
      web.send(request);
      stream.end('{"username":"Cid"}');
      await json.received.until(/ 504 [^]*"deadline_exceeded"/);
      await web.received.until(/grpc-status: 4\r\n/);
      assert.equal(await answered.promise, 504);
      session.destroy();
      await Promise.all([json.close(), web.close()]);
    }),
);

programTest(
  "an answer on a connection that is too old says that it ends",
  () =>
    withServe(async ({ port }) => {
      const connection = openConnection(port);
      connection.send(greet("Ann"));
      await connection.received.until(/keep-alive[^]*Ann!/);
      await pause(700);
      connection.send(greet("Bob"));
      assert.match(await connection.received.all(), /Connection: close[^]*Bob!/);
      await connection.close();
    }, ["--max-connection-age", "600ms"]),
);

programTest("a deadline that is years away is none", () =>
  withServe(async ({ port, stderr }) => {
    const post = (headers: Record<string, string>, body: string | Uint8Array) =>
      ask({ port, version: 1 }, { method: "POST", path: GET_USER, headers, body });
    for (const ms of ["2147483647", "2147483648", "9999999999"]) {
      const headers = { "content-type": "application/json", "connect-timeout-ms": ms };
      assert.equal((await post(headers, '{"username":"Ann"}')).status, 200, ms);
    }
    for (const timeout of ["596H", "597H", "99999999H", "99999999S"]) {
      const headers = { "content-type": "application/grpc-web", "grpc-timeout": timeout };
      const { body } = await post(headers, framed(message("Bob")));
      assert.match(String(body), /grpc-status: 0\r\n/, timeout);
    }
    assert.equal(stderr.text, "");
  }, ["--delay", "50ms"]));

posixTest(
  "at a drain the last answer says that the connection ends",
  () =>
    withServe(async (server) => {
      const connection = openConnection(server.port);
      connection.send(greet("Ann") + greet("Bob"));
      await server.stdout.until(/Ann\n[^]*Bob\n/);
      server.kill("SIGTERM");
      await server.stderr.until(/draining/);
      // Behind the last answer nothing is served.
      connection.send(greet("Cid"));
      const answers = (await connection.received.all()).split("HTTP/1.1 200 OK");
      assert.equal(answers.length, 3, answers.join());
      assert.match(answers[1]!, /keep-alive[^]*Ann/);
      assert.match(answers[2]!, /Connection: close[^]*Bob/);
      await connection.close();
      const { code, stdout } = await server.ended();
      assert.deepEqual([code, /Cid/.test(stdout)], [0, false]);
    }, ["--delay", "1s"]),
);

posixTest(
  "what comes on a connection that was left is neither served nor recorded",
  () =>
    withServe(async (server) => {
      const connection = openConnection(server.port);
      connection.send(greet("Ann"));
      await connection.received.until(/Привет, Ann!/);
      server.kill("SIGTERM");
      await connection.received.all();
      connection.send(greet("Bob"));
      const { code, stdout } = await server.ended();
      assert.equal(code, 0);
      assert.match(stdout, /Ann/);
      assert.doesNotMatch(stdout, /Bob/);
      await connection.close();
    }),
);

posixTest(
  "an answer by HTTP/2 does not wait for the rest of its request",
  () =>
    withServe(async (server) => {
      await ask({ port: server.port, version: 2 }, { path: "/healthz" });
      const session = connectHttp2(`http://127.0.0.1:${server.port}`);
      session.on("error", () => {});
      const stream = session.request({
        ":method": "POST",
        ":path": GET_USER,
        "content-type": "application/json",
      });
      stream.on("error", () => {});
      const answered = new Promise((resolve) => stream.on("response", resolve));
      stream.write("a".repeat(5 * 1024 * 1024));
      await answered;
      const start = performance.now();
      server.kill("SIGTERM");
      assert.equal((await server.ended()).code, 0);
      assert.ok(performance.now() - start < 8_000, "the drain waited for it");
      session.destroy();
    }),
);
