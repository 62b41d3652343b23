/** Connections of HTTP, and requests that come in parts. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { ask, framed, GET_USER, message } from "../support/http_client.ts";
import { inTime } from "../support/waits.ts";
import { posixServeTest, serveTest, Transcript } from "../support/program.ts";
import { finishCall, openSession, startCall } from "../support/raw_client.ts";

/** How long an answer may take, in milliseconds. */
const ANSWER_MS = 60_000;

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
    /** Resolves when the system has the bytes. */
    send: (bytes: string | Uint8Array) =>
      new Promise<void>((resolve) => void socket.write(bytes, () => resolve())),
    /** Closes our side: what is asked can still be answered. */
    end: () => void socket.end(),
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

/** All that is answered to these bytes, behind which our side is closed. */
async function answersTo(port: number, bytes: string | Uint8Array): Promise<string> {
  const connection = openConnection(port);
  void connection.send(bytes);
  connection.end();
  const answers = await connection.received.all();
  await connection.close();
  return answers;
}

const statuses = (answers: string) =>
  [...answers.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, code]) => code);
const get = (...fields: readonly string[]) =>
  ["GET /healthz HTTP/1.1", ...fields, "", ""].join("\r\n");

serveTest("a connection takes one request after another", async ({ port }) => {
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
});

serveTest(
  "requests sent ahead are answered in their order, however many and large",
  async ({ port }) => {
    const connection = openConnection(port);
    const { received } = connection;
    const names = Array.from({ length: 300 }, (_, index) => `n${index}!`);
    void connection.send("GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(40));
    void connection.send(names.map(greet).join(""));
    await received.until(/n299!/);
    const greeted = [...received.text.matchAll(/Привет, (n\d+!)/g)].map(([, name]) => name);
    assert.deepEqual(greeted, names);
    assert.equal(statuses(received.text).length, 340);
    void connection.send(greet("Ann"));
    await received.until(/Привет, Ann!/);
    await connection.close();
  },
);

serveTest("a body that is refused is read, and the next request answered", async ({ port }) => {
  const connection = openConnection(port);
  const { received } = connection;
  const web = framed(message("A"));
  for (const [count, name] of [[20_000, "Ann"], [500_000, "Bob"]] as const) {
    const length = web.length * count;
    void connection.send(head(length, "content-type: application/grpc-web"));
    void connection.send(Buffer.alloc(length, web));
    void connection.send(greet(name));
    await received.until(new RegExp(`Привет, ${name}!`));
  }
  assert.deepEqual(statuses(received.text), ["200", "200", "200", "200"]);
  // More than anybody reads for nothing: the answer comes, and then the end.
  void connection.send(head(1024 ** 3, "content-type: application/grpc-web"));
  void connection.send(Buffer.alloc(web.length * 20_000, web));
  await received.all();
  assert.match(received.text.slice(-1_000), /Connection: close[^]*grpc-status: \d/);
  await connection.close();
});

/** What is sent, and which status codes answer it; https://www.rfc-editor.org/rfc/rfc9112 */
const REQUESTS: readonly [bytes: string, statuses: readonly number[], body?: RegExp][] = [
  [`\r\n\r\n${HEALTH}\r\n${HEALTH}`, [200, 200]],
  // No requests.
  ["get /healthz HTTP/1.1\r\nhost: x\r\n\r\n", [501], /GET, HEAD, POST/],
  ["PRIX / HTTP/1.1\r\nhost: x\r\n\r\n", [501]],
  ["PRI / HTTP/1.1\r\nhost: x\r\n\r\n", [501]],
  ["PRI * HTTP/1.1\r\nhost: x\r\n\r\n", [501]],
  [` ${HEALTH}`, [400]],
  ["GET /healthz\r\n", [400]],
  ["GET  /healthz HTTP/1.1\r\nhost: x\r\n\r\n", [400]],
  ["GET healthz HTTP/1.1\r\nhost: x\r\n\r\n", [400]],
  ["GET * HTTP/1.1\r\nhost: x\r\n\r\n", [400]],
  ["GET /healthz HTTP/9.9\r\nhost: x\r\n\r\n", [505]],
  ["GET /healthz HTTP/1.1\nhost: x\n\n", [400]],
  // Host.
  [get(), [400], /Host/],
  [get("host: x", "host: x"), [400], /Host/],
  [get("host: a b"), [400]],
  [get("host: a@b"), [400]],
  [get("host: [::1]:80"), [200]],
  [get("host:"), [200]],
  ["GET /healthz HTTP/1.0\r\n\r\n", [200], /SERVING/],
  [greet("Ann").replace("localhost", ""), [200], /Ann/],
  [greet("Ann").replace("host: localhost\r\n", "").replace("1.1", "1.0"), [200], /Ann/],
  // Methods and targets.
  [
    "OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n" + HEALTH,
    [200, 200],
    /allow: GET, HEAD, POST, OPTIONS/i,
  ],
  ["CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\n" + HEALTH, [501]],
  ["HEAD / HTTP/1.1\r\nhost: x\r\n\r\n" + HEALTH, [200, 200]],
  [`HEAD ${GET_USER} HTTP/1.1\r\nhost: x\r\n\r\n` + HEALTH, [405, 200]],
  ["GET http://elsewhere/healthz HTTP/1.1\r\nhost: x\r\n\r\n", [200], /SERVING/],
  // What an answer is the last to.
  [get("host: x", "connection: x, Close") + HEALTH.repeat(2_000), [200]],
  ["GET /healthz HTTP/1.0\r\n\r\n" + HEALTH, [200]],
  ["GET /healthz HTTP/1.0\r\nconnection: keep-alive\r\n\r\n" + HEALTH, [200, 200]],
  [greet("Ann").replace("host", "expect: 100-continue\r\nhost"), [100, 200], /Ann/],
  [get("host: x", "expect: cake"), [417]],
];

serveTest("requests of HTTP/1.1 are read as RFC 9112 says", async ({ port }) => {
  for (const [bytes, codes, body = /^/] of REQUESTS) {
    const answers = await answersTo(port, bytes);
    assert.deepEqual(statuses(answers), codes.map(String), bytes.slice(0, 200));
    assert.match(answers, body);
  }
});

serveTest("a request may come in any parts", async ({ port }) => {
  const chunked = (name: string) =>
    head(0, JSON_TYPE).replace("content-length: 0", "Transfer-Encoding: Chunked") +
    `9;a="b;c"\r\n{"usernam\r\n000A\r\ne":"${name}"}\r\n0\r\nx: y\r\n\r\n`;
  const connection = openConnection(port);
  const { received } = connection;
  for (const [request, first] of [[greet, 1000], [chunked, 2000]] as const) {
    for (let at = 0; at < request("1000").length; at++) {
      const name = String(first + at);
      const bytes = `\r\n${request(name)}`;
      await connection.send(bytes.slice(0, at));
      await connection.send(bytes.slice(at));
      await received.until(new RegExp(`Привет, ${name}!`));
    }
  }
  for (const byte of greet("Anne") + chunked("Bob!")) await connection.send(byte);
  await received.until(/Anne![^]*Bob!!/);
  const text = Buffer.from(framed(message("Cid"))).toString("base64");
  for (const byte of head(text.length, "content-type: application/grpc-web-text") + text) {
    await connection.send(byte);
  }
  const greeting = Buffer.from(framed(message("Привет, Cid!"))).toString("base64");
  await received.until(new RegExp(greeting.slice(0, 24).replaceAll("+", ".")));
  await connection.close();
});

serveTest(
  "a client that has closed its side is answered, and recorded",
  async ({ port, stdout }) => {
    const answers = await answersTo(port, greet("Ann") + greet("Bob") + HEALTH);
    assert.match(answers, /^HTTP\/1\.1 200 OK[^]*Ann[^]*HTTP\/1\.1 200 OK[^]*Bob[^]*SERVING\n$/);
    assert.equal(statuses(answers).length, 3);
    const query = "connect=v1&encoding=json&message=%7B%22username%22%3A%22Cid%22%7D";
    const got = await answersTo(port, `GET ${GET_USER}?${query} HTTP/1.1\r\nhost: x\r\n\r\n`);
    assert.match(got, /^HTTP\/1\.1 200 OK[^]*Connection: close[^]*Cid/);
    assert.deepEqual(statuses(await answersTo(port, greet("Dan").slice(0, -1))), ["400"]);
    await stdout.until(/Cid/);
    assert.deepEqual(stdout.text.match(/"grpc.code":"\w+"/g), Array(3).fill('"grpc.code":"OK"'));
  },
  ["--log", "json", "--delay", "300ms"],
);

serveTest("a deadline that passes before the request is there is told", async ({ port }) => {
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
  await new Promise<void>((resolve) => session.ping(() => resolve()));
  // What came before these is read when they are answered.
  for (const version of [1, 2] as const) await ask({ port, version }, { path: "/healthz" });
  await pause(2_000);
  json.send('{"username":"Ann"}');
  web.send(request);
  stream.end('{"username":"Cid"}');
  await json.received.until(/ 504 [^]*"deadline_exceeded"/);
  await web.received.until(/grpc-status: 4\r\n/);
  assert.equal(await answered.promise, 504);
  session.destroy();
  await Promise.all([json.close(), web.close()]);
});

serveTest("an answer on a connection that is too old says that it ends", async ({ port }) => {
  const connection = openConnection(port);
  connection.send(greet("Ann"));
  await connection.received.until(/keep-alive[^]*Ann!/);
  await pause(3_500);
  connection.send(greet("Bob"));
  assert.match(await connection.received.all(), /Connection: close[^]*Bob!/);
  await connection.close();
}, ["--max-connection-age", "3s"]);

serveTest("a deadline that is years away is none", async ({ port, stderr }) => {
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
  const session = await openSession(port);
  for (const timeout of ["596H", "597H", "1193H", "99999999H", "99999999M", "9999999S"]) {
    const call = startCall(session, { "grpc-timeout": timeout });
    assert.equal((await finishCall(call, "Cid")).status, "0", timeout);
  }
  session.close();
  assert.equal(stderr.text, "");
}, ["--delay", "50ms"]);

posixServeTest("at a drain the last answer says that the connection ends", async (server) => {
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
}, ["--delay", "3s", "--grace", "1m"]);

posixServeTest(
  "what comes on a connection that was left is neither served nor recorded",
  async (server) => {
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
  },
);

serveTest("a body that is refused by HTTP/2 is read", async ({ port }) => {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on("error", () => {});
  const stream = session.request({
    ":method": "POST",
    ":path": GET_USER,
    "content-type": "application/grpc-web",
  });
  const closed = new Promise((resolve) => stream.once("close", resolve));
  stream.resume().end(Buffer.alloc(4 * 1024 * 1024, framed(message("A"))));
  await inTime("end of the stream", closed);
  session.destroy();
});

posixServeTest("an answer by HTTP/2 does not wait for the rest of its request", async (server) => {
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
  assert.ok(performance.now() - start < 50_000, "the drain waited for it");
  session.destroy();
}, ["--grace", "1m"]);
