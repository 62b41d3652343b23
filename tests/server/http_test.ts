/** Connect, gRPC-Web and plain HTTP on the port of gRPC. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gunzipSync, gzipSync } from "node:zlib";
import type { Headers as ReceivedHeaders } from "../../src/http2/fields.ts";
import type { OutgoingHeaders } from "../../src/http2/hpack_encoder.ts";
import type { Session } from "../../src/http2/session.ts";
import { root } from "../../tools/paths.ts";
import { calls as callRecords } from "../support/logs.ts";
import { CALL_TLS, cert, identity, SERVE_MTLS } from "../support/certs.ts";
import {
  ask,
  framed,
  GET_USER,
  message,
  type Reach,
  type Received,
  type Sent,
  unframed,
} from "../support/http_client.ts";
import {
  posixServeTest,
  posixTest,
  programTest,
  type Serve,
  serveTest,
  usersvc,
  withFolder,
  withServe,
} from "../support/program.ts";
import { openSession, startCall } from "../support/raw_client.ts";

const JSON_TYPE = { "content-type": "application/json" };

/** A call by Connect, with JSON. */
function call(reach: Reach, username: string, headers: Sent["headers"] = {}, rest: Sent = {}) {
  const body = JSON.stringify({ username });
  const sent = { method: "POST", path: GET_USER, headers: { ...JSON_TYPE, ...headers }, body };
  return ask(reach, { ...sent, ...rest });
}

const web = (username: string, headers: Sent["headers"] = {}): Sent => ({
  method: "POST",
  path: GET_USER,
  headers: { "content-type": "application/grpc-web+proto", ...headers },
  body: framed(message(username)),
});

const greeting = (name: string) => `Привет, ${name}!`;
const jsonGreeting = ({ body }: Received) => JSON.parse(String(body)).message;
const protoGreeting = (bytes: Uint8Array) => String(Buffer.from(bytes).subarray(2));

function webGreeting(bytes: Buffer): string {
  const { messages, trailers } = unframed(bytes);
  assert.match(trailers, /^grpc-status: 0\r\n/m);
  return protoGreeting(messages[0]!);
}

/** Each way to call but gRPC: what is sent for a name, and how the greeting is read. */
const WAYS: Record<string, [sent: (name: string) => Sent, read: (answer: Received) => string]> = {
  "Connect, JSON": [
    (username) => ({
      method: "POST",
      path: GET_USER,
      headers: JSON_TYPE,
      body: JSON.stringify({ username }),
    }),
    jsonGreeting,
  ],
  "Connect, binary": [
    (username) => ({
      method: "POST",
      path: GET_USER,
      headers: { "content-type": "application/proto", "connect-protocol-version": "1" },
      body: message(username),
    }),
    ({ body }) => protoGreeting(body),
  ],
  "Connect, GET": [
    (username) => ({
      path: `${GET_USER}?connect=v1&encoding=json&message=${
        encodeURIComponent(JSON.stringify({ username }))
      }`,
    }),
    jsonGreeting,
  ],
  "Connect, gzip": [
    (username) => ({
      method: "POST",
      path: GET_USER,
      headers: { ...JSON_TYPE, "content-encoding": "gzip" },
      body: gzipSync(JSON.stringify({ username })),
    }),
    jsonGreeting,
  ],
  "gRPC-Web, binary": [web, ({ body }) => webGreeting(body)],
  "gRPC-Web, text": [
    (username) => ({
      ...web(username, { "content-type": "application/grpc-web-text" }),
      body: framed(message(username)).toString("base64"),
    }),
    ({ headers, body }) => {
      assert.equal(headers["content-type"], "application/grpc-web-text+proto");
      // Each piece may end with padding.
      const pieces = String(body).match(/[^=]+=*/g) ?? [];
      return webGreeting(Buffer.concat(pieces.map((piece) => Buffer.from(piece, "base64"))));
    },
  ],
};

async function assertAllAnswer(reach: Omit<Reach, "version">, where: string): Promise<void> {
  for (const version of [1, 2] as const) {
    for (const [way, [sent, read]] of Object.entries(WAYS)) {
      const answer = await ask({ ...reach, version }, sent("Zoë"));
      const what = `${way}, HTTP/${version}, ${where}`;
      assert.equal(answer.status, 200, `${what}: ${answer.body}`);
      assert.equal(read(answer), greeting("Zoë"), what);
    }
    const health = await ask({ ...reach, version }, { path: "/healthz" });
    assert.deepEqual([health.status, String(health.body)], [200, "SERVING\n"], where);
  }
}

async function assertGrpcAnswers(args: readonly string[]): Promise<void> {
  const { stdout, stderr } = await usersvc(["call", "Zoë", ...args]);
  assert.deepEqual([stdout, stderr], [`${greeting("Zoë")}\n`, ""]);
}

posixTest(
  "Connect, gRPC-Web and gRPC are answered on one TCP port, and on one Unix socket",
  async () => {
    await withFolder(async (folder) => {
      const socket = `${folder}/socket`;
      await withServe(async ({ port }) => {
        await assertAllAnswer({ port }, "TCP");
        await assertAllAnswer({ socket }, "a Unix socket");
        await assertGrpcAnswers(["--address", `unix:${socket}`]);
      }, ["--unix", socket]);
    });
  },
);

posixTest(
  "the same are answered over mTLS by two workers, and nobody without a certificate",
  () =>
    withServe(async ({ port }) => {
      const read = (name: string) => Deno.readFileSync(cert(name));
      const ca = read("ca.pem");
      const tls = { ca, cert: read("client.pem"), key: read("client.key") };
      await assertAllAnswer({ port, tls }, "mTLS, workers");
      await assertGrpcAnswers(["--port", String(port), ...CALL_TLS, ...identity("client")]);
      for (const version of [1, 2] as const) {
        await assert.rejects(ask({ port, tls: { ca }, version }, { path: "/healthz" }));
      }
    }, [...SERVE_MTLS, "--workers", "2"]),
);

/** The calls in a log of the form `json`, without what differs from run to run. */
function calls(stdout: string) {
  return callRecords(stdout)
    .map(({ protocol, username, "grpc.code": code, message, peer }) => {
      assert.match(`${peer}`, /^127\.0\.0\.1:\d+$/);
      return [protocol, username, code, ...(message === undefined ? [] : [message])];
    });
}

async function metricsOf({ stdout }: Serve): Promise<string> {
  const [, url] = await stdout.until(/metrics are served at (\S+?)"/);
  return await (await fetch(url!)).text();
}

serveTest(
  "a call has one record with its protocol, and one count, whatever that is",
  async (server) => {
    const { port, stdout } = server;
    for (const version of [1, 2] as const) {
      const reach = { port, version };
      await call(reach, "Ann");
      await ask(reach, web("Bob"));

      const refused = await call(reach, "");
      assert.equal(refused.status, 400);
      const { code, message, details } = JSON.parse(String(refused.body));
      assert.deepEqual([code, message], ["invalid_argument", "username is empty"]);
      assert.equal(details[0].type, "google.rpc.BadRequest");
      const violation = { field: "username", description: "username is empty" };
      assert.deepEqual(details[0].debug.fieldViolations, [violation]);

      const { trailers } = unframed((await ask(reach, web("   "))).body);
      assert.match(trailers, /^grpc-status: 3\r\n/m);
      assert.match(trailers, /^grpc-message: username%20is%20blank\r\n/m);
      const [, bytes] = /^grpc-status-details-bin: (\S+)/m.exec(trailers)!;
      assert.match(atob(bytes!), /google\.rpc\.BadRequest.*username is blank/s);
    }
    await usersvc(["call", "Eve", "--port", String(port)]);
    const metrics = await metricsOf(server);
    server.kill("SIGTERM");
    await server.ended();
    const each = [
      ["connect", "Ann", "OK"],
      ["grpc-web", "Bob", "OK"],
      ["connect", "", "INVALID_ARGUMENT", "username is empty"],
      ["grpc-web", "   ", "INVALID_ARGUMENT", "username is blank"],
    ];
    assert.deepEqual(calls(stdout.text), [...each, ...each, ["grpc", "Eve", "OK"]]);
    assert.match(metrics, /^grpc_server_started_total\{.*\} 9$/m);
    assert.match(metrics, /^grpc_server_handled_total\{.*grpc_code="OK"\} 5$/m);
    assert.match(metrics, /^grpc_server_handled_total\{.*grpc_code="InvalidArgument"\} 4$/m);
  },
  ["--log", "json", "--metrics-port", "0"],
);

serveTest("a deadline that passes and a client that goes are told as with gRPC", async (server) => {
  const { port, stdout } = server;
  for (const version of [1, 2] as const) {
    const reach = { port, version };
    const late = await call(reach, "Ann", { "connect-timeout-ms": "100" });
    assert.equal(late.status, 504);
    assert.equal(JSON.parse(String(late.body)).code, "deadline_exceeded");
    const { trailers } = unframed((await ask(reach, web("Bob", { "grpc-timeout": "100m" }))).body);
    assert.match(trailers, /^grpc-status: 4\r\n/m);
    const leaving = new AbortController();
    const left = call(reach, "Cid", {}, { signal: leaving.signal });
    setTimeout(() => leaving.abort(), 1_000);
    await assert.rejects(left);
    await stdout.until(version === 1 ? /CANCELLED/ : /CANCELLED.*CANCELLED/s);
  }
  const deadline = ["DEADLINE_EXCEEDED", "the deadline passed before the answer"];
  const each = [
    ["connect", "Ann", ...deadline],
    ["grpc-web", "Bob", ...deadline],
    ["connect", "Cid", "CANCELLED", "the client went away before the answer"],
  ];
  assert.deepEqual(calls(stdout.text), [...each, ...each]);
}, ["--log", "json", "--delay", "1m", "--grace", "1ms"]);

posixServeTest("a drain closes waiting connections, and lets requests finish", async (server) => {
  const { port, stdout } = server;
  using idle = await Deno.connect({ hostname: "127.0.0.1", port });
  await idle.write(new TextEncoder().encode("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"));
  await idle.read(new Uint8Array(1000));
  const answers = ([1, 2] as const).map((version) => call({ port, version }, `HTTP/${version}`));
  await stdout.until(/HTTP\/1[^]*HTTP\/2|HTTP\/2[^]*HTTP\/1/);
  let answered = false;
  void Promise.race(answers).then(() => answered = true);
  const start = performance.now();
  server.kill("SIGTERM");
  // The waiting connection is closed at once, not only when the process ends.
  assert.equal(await idle.read(new Uint8Array(1000)), null);
  assert.ok(!answered, "the waiting connection was held");
  const [one, two] = await Promise.all(answers);
  assert.deepEqual([one, two].map((answer) => jsonGreeting(answer!)), [
    greeting("HTTP/1"),
    greeting("HTTP/2"),
  ]);
  assert.equal(one!.headers.connection, "close");
  assert.equal((await server.ended()).code, 0);
  assert.ok(performance.now() - start < 50_000, "the drain took the whole grace period");
}, ["--delay", "3s", "--grace", "1m"]);

posixServeTest(
  "a drain cancels requests when the grace period is over, and counts them",
  async (server) => {
    const { port, stdout, stderr } = server;
    const answers = ([1, 2] as const).map((version) => call({ port, version }, `HTTP/${version}`));
    await stdout.until(/HTTP\/1[^]*HTTP\/2|HTTP\/2[^]*HTTP\/1/);
    server.kill("SIGTERM");
    for (const { status, body } of await Promise.all(answers)) {
      assert.deepEqual([status, JSON.parse(String(body)).code], [503, "unavailable"]);
    }
    assert.equal((await server.ended()).code, 1);
    assert.match(stderr.text, /calls cancelled: 2$/m);
  },
  ["--delay", "20s", "--grace", "500ms"],
);

serveTest("page, health, contract, HEAD, and one line for everything else", async ({ port }) => {
  const proto = await Deno.readTextFile(`${root}proto/user_service.proto`);
  for (const version of [1, 2] as const) {
    const get = (path: string, method = "GET", headers = {}) =>
      ask({ port, version }, { path, method, headers });
    const page = await get("/");
    assert.deepEqual([page.status, page.headers["content-type"]], [
      200,
      "text/html; charset=utf-8",
    ]);
    assert.match(page.headers["content-security-policy"]!, /frame-ancestors 'none'/);
    assert.equal(String((await get("/user_service.proto?x")).body), proto);
    const head = await get("/user_service.proto", "HEAD");
    assert.deepEqual([head.status, head.body.length], [200, 0]);
    assert.equal(head.headers["content-length"], String(Buffer.byteLength(proto)));
    for (
      const [path, method, status, headers] of [
        ["/nothing", "GET", 404, {}],
        ["/nothing", "POST", 404, JSON_TYPE],
        ["/userservice.UserService/Nothing", "POST", 404, JSON_TYPE],
        ["/", "PUT", 405, {}],
        ["/healthz", "POST", 405, JSON_TYPE],
        [GET_USER, "PUT", 405, JSON_TYPE],
        [GET_USER, "GET", 415, {}],
        [GET_USER, "POST", 415, { "content-type": "text/plain" }],
        [GET_USER, "POST", 415, {}],
      ] as const
    ) {
      const answer = await get(path, method, headers);
      assert.equal(answer.status, status, `${method} ${path}`);
      assert.match(String(answer.body), /^[^\n]+\n$/, `${method} ${path}`);
      assert.equal(answer.headers["x-content-type-options"], "nosniff");
    }
  }
});

/** What the answer to a call with these headers begins with. */
function answerTo(session: Session, headers: OutgoingHeaders, body: Uint8Array): Promise<string> {
  const stream = startCall(session, headers);
  const { promise, resolve } = Promise.withResolvers<string>();
  let seen = "";
  const see = (fields: ReceivedHeaders) =>
    seen += `${fields[":status"] ?? ""} ${fields["grpc-status"] ?? ""}`.trim();
  stream.on("response", see);
  stream.on("trailers", (fields: ReceivedHeaders) => (seen += " ", see(fields)));
  stream.on("error", (error: Error) => seen += error.message);
  stream.on("close", () => resolve(seen));
  stream.resume();
  stream.end(body);
  return promise;
}

serveTest("a header that comes twice is answered, by every protocol", async ({ port }) => {
  const bytes = message("Ann");
  const types: [type: string, body: Uint8Array][] = [
    ["application/grpc", framed(bytes)],
    ["application/grpc-web", framed(bytes)],
    ["application/grpc-web-text", Buffer.from(Buffer.from(framed(bytes)).toString("base64"))],
    ["application/proto", bytes],
  ];
  const twice: OutgoingHeaders = {
    "te": ["trailers", "trailers"],
    "grpc-timeout": ["5S", "6S"],
    "grpc-encoding": ["identity", "identity"],
    "grpc-accept-encoding": ["gzip", "identity"],
    "user-agent": ["a", "b"],
    "authorization": ["a", "b"],
    "cookie": ["a=1", "b=2"],
    "host": ["a", "b"],
    "origin": ["http://a.test", "http://b.test"],
    "accept": ["a/b", "c/d"],
    "accept-encoding": ["gzip", "br"],
    "content-encoding": ["identity", "identity"],
    "content-length": [],
    "connect-protocol-version": ["1", "1"],
    "connect-timeout-ms": ["5000", "6000"],
    "set-cookie": ["a", "b"],
    ["__proto__"]: ["a", "b"],
    "x-bin": ["AA", "AA"],
    "x-any": ["a", "b"],
  };
  const session = await openSession(port);
  for (const [type, body] of types) {
    const ask = (headers: OutgoingHeaders) =>
      answerTo(session, { "content-type": type, ...headers }, body);
    const greeted = type === "application/grpc" ? "200 0" : "200";
    const both = { "content-type": [type, "text/plain"] };
    assert.equal(await ask(both), greeted, `${type}: content-type`);
    for (const [name, values] of Object.entries(twice)) {
      const length = `${body.length}`;
      const sent = name === "content-length" ? [length, length] : values!;
      // Connect reads these two, and as a list they are wrong.
      const isWrong = type === "application/proto" && name.startsWith("connect-");
      assert.equal(await ask({ [name]: sent }), isWrong ? "400" : greeted, `${type}: ${name}`);
    }
  }
  session.close();
}, ["--cors", "http://a.test"]);

serveTest("health is answered by Connect, for the services that there are", async ({ port }) => {
  const check = (service: string) =>
    ask({ port, version: 1 }, {
      method: "POST",
      path: "/grpc.health.v1.Health/Check",
      headers: JSON_TYPE,
      body: JSON.stringify({ service }),
    });
  const known = await check("userservice.UserService");
  assert.deepEqual([known.status, JSON.parse(String(known.body))], [200, { status: "SERVING" }]);
  assert.equal((await check("nothing")).status, 404);
});

programTest(
  "pages from elsewhere can read nothing, and with --cors those of its origins can",
  async () => {
    const origin = "https://example.com";
    const preflight = {
      path: GET_USER,
      method: "OPTIONS",
      headers: {
        origin,
        "access-control-request-method": "POST",
        "access-control-request-headers": "content-type,x-anything",
      },
    };
    const ofCors = ({ headers }: Received) =>
      Object.keys(headers).filter((name) => name.startsWith("access-control-"));
    await withServe(async ({ port }) => {
      const answer = await call({ port, version: 1 }, "Ann", { origin });
      assert.deepEqual(ofCors(answer), []);
      assert.deepEqual(ofCors(await ask({ port, version: 2 }, preflight)), []);
    });
    await withServe(async ({ port }) => {
      for (const version of [1, 2] as const) {
        const { status, headers } = await ask({ port, version }, preflight);
        assert.equal(status, 204);
        assert.equal(headers["access-control-allow-origin"], origin);
        assert.equal(headers["access-control-allow-methods"], "POST, GET");
        assert.equal(headers["access-control-allow-headers"], "content-type,x-anything");
        const answer = await call({ port, version }, "Ann", { origin });
        assert.equal(answer.headers["access-control-allow-origin"], origin);
        assert.match(answer.headers["access-control-expose-headers"]!, /grpc-status-details-bin/i);
        assert.equal(jsonGreeting(answer), greeting("Ann"));
        const other = await call({ port, version }, "Ann", { origin: "https://example.org" });
        assert.deepEqual([ofCors(other), other.headers.vary], [[], "Origin"]);
      }
    }, ["--cors", "http://localhost:3000", "--cors", "https://EXAMPLE.com/"]);
  },
);

posixTest("pages may read all that an answer carries", () =>
  withFolder(async (folder) => {
    const answers = `${folder}/answers.json`;
    const metadata = { "x-cell": "7" };
    const failing = { code: "NOT_FOUND", metadata };
    await Deno.writeTextFile(
      answers,
      JSON.stringify({ Bob: { message: "Hello, Bob", metadata }, Cid: failing }),
    );
    const origin = "https://example.com";
    await withServe(async ({ port }) => {
      for (const version of [1, 2] as const) {
        for (const name of ["Bob", "Cid"]) {
          const { headers } = await call({ port, version }, name, { origin });
          const exposed = headers["access-control-expose-headers"]!.split(", ");
          for (const sent of ["hostname", "x-cell"]) {
            assert.ok(headers[sent] !== undefined && exposed.includes(sent), `${name}: ${exposed}`);
          }
        }
        const web_ = await ask({ port, version }, web("Bob", { origin }));
        assert.match(web_.headers["access-control-expose-headers"]!, /\bhostname\b.*\bx-cell\b/);
        const elsewhere = await call({ port, version }, "Bob", { origin: "https://example.org" });
        assert.equal(elsewhere.headers["access-control-expose-headers"], undefined);
      }
    }, ["--cors", origin, "--instance", "here", "--answers", answers]);
  }));

serveTest(
  "what is broken is the client's mistake, by each protocol and version of HTTP",
  async ({ port }) => {
    const post = (type: string, body: string | Uint8Array, headers = {}): Sent => ({
      method: "POST",
      path: GET_USER,
      headers: { "content-type": type, ...headers },
      body,
    });
    const text = (type: string, body: string) => post(`application/grpc-web-text${type}`, body);
    const cut = gzipSync('{"username":"Ann"}').subarray(0, -4);
    const get = (query: string): Sent => ({ path: `${GET_USER}?encoding=json&${query}` });
    const INVALID = /^400 .*"invalid_argument"/, WEB = /grpc-status: 3\r\n/;
    const ANN = framed(message("Ann")).toString("base64");
    const sent: readonly [Sent, RegExp][] = [
      [post("application/json", "{}", { "connect-protocol-version": "2" }), INVALID],
      [get("connect=v2&message=%7B%7D"), INVALID],
      [post("application/json", cut, { "content-encoding": "gzip" }), INVALID],
      [post("application/json", "abc", { "content-encoding": "gzip" }), INVALID],
      [post("application/json", Uint8Array.of(0x22, 0xc3, 0x28, 0x22)), INVALID],
      [get("message=%7B%22username%22%3A%22%FF%22%7D"), INVALID],
      [get("base64=1&message=!!!!"), INVALID],
      [post("application/proto", Uint8Array.of(0x0a, 5, 0x41)), INVALID],
      // A field of another wire type is skipped, as by gRPC.
      [post("application/proto", Uint8Array.of(0x08, 1)), /"username is empty"/],
      [post("application/grpc-web", framed(Uint8Array.of(0x0a, 5, 0x41))), WEB],
      [post("application/grpc-web", framed(message("Ann")).subarray(0, -1)), WEB],
      [text("", "!!!!"), WEB],
      [text("+proto", `${ANN}A`), WEB],
      [text("; charset=utf-8", ANN), /^200 .*grpc-status: 0\r\n/s],
      [
        post("application/grpc-web-text; charset=utf-8", ANN, { "grpc-encoding": "br" }),
        /status: 12/,
      ],
      [post("application/json", "{}", { "content-encoding": "br" }), /^501 .*"unimplemented"/],
    ];
    for (const version of [1, 2] as const) {
      for (const [request, expected] of sent) {
        const { status, body } = await ask({ port, version }, request);
        // In text each frame is padded by itself.
        const plain = String(body).replace(
          /^[\w+/]{4,}[\w+/=]*$/,
          (text) => (text.match(/[^=]+=*/g) ?? []).map(atob).join(""),
        );
        assert.match(`${status} ${plain}`, expected, JSON.stringify(request));
      }
    }
  },
);

serveTest("with --no-http nothing but gRPC is answered", async ({ port }) => {
  await assert.rejects(ask({ port, version: 1 }, { path: "/healthz" }));
  assert.equal((await call({ port, version: 2 }, "Ann")).status, 415);
  await assertGrpcAnswers(["--port", String(port)]);
}, ["--no-http"]);

serveTest(
  "a large answer is compressed, a request of more than 4 MiB is refused",
  async ({ port }) => {
    const name = "😀".repeat(256);
    for (const version of [1, 2] as const) {
      const answer = await call({ port, version }, name, { "accept-encoding": "gzip" });
      assert.equal(answer.headers["content-encoding"], "gzip");
      assert.equal(JSON.parse(String(gunzipSync(answer.body))).message, greeting(name));
      const large = "a".repeat(4 * 1024 * 1024);
      for (const headers of [{}, { "transfer-encoding": "chunked" }]) {
        if (version === 2 && "transfer-encoding" in headers) continue;
        const { status, body } = await call({ port, version }, large, headers as Sent["headers"]);
        assert.deepEqual([status, JSON.parse(String(body)).code], [429, "resource_exhausted"]);
      }
      const bomb = gzipSync(JSON.stringify({ username: "a".repeat(32 * 1024 * 1024) }));
      const sent = { headers: { ...JSON_TYPE, "content-encoding": "gzip" }, body: bomb };
      const { status } = await ask({ port, version }, { method: "POST", path: GET_USER, ...sent });
      assert.equal(status, 429);
    }
  },
);

posixTest(
  "faults, answers and the instance come by every protocol",
  () =>
    withFolder(async (folder) => {
      const path = `${folder}/answers.json`;
      await Deno.writeTextFile(path, JSON.stringify({ Bob: { message: "Hello, Bob" } }));
      await withServe(async (server) => {
        const { port, stdout } = server;
        for (const version of [1, 2] as const) {
          const reach = { port, version };
          const abort = { "x-envoy-fault-abort-grpc-request": "14" };
          const failed = await call(reach, "Ann", abort);
          assert.deepEqual([failed.status, failed.headers.hostname], [503, "here"]);
          const answer = await ask(reach, web("Ann", abort));
          const { trailers } = unframed(answer.body);
          assert.match(trailers, /^grpc-status: 14\r\n/m);
          assert.match(trailers, /^hostname: here\r\n/m);
          assert.equal(answer.headers.hostname, undefined);
          assert.equal(jsonGreeting(await call(reach, "Bob")), "Hello, Bob");
          const listed = await call(reach, "Dan", { "rpc-behavior": "sleep-0,error-code-8" });
          assert.equal(JSON.parse(String(listed.body)).code, "resource_exhausted");
          // Kept open until its deadline.
          const kept = { "rpc-behavior": "keep-open", "connect-timeout-ms": "200" };
          assert.equal((await call(reach, "Cid", kept)).status, 504);
        }
        await stdout.until(/(?:DEADLINE_EXCEEDED[^]*){2}/);
        const each = [
          ["connect", "Ann", "UNAVAILABLE", "failed on purpose (x-envoy-fault-abort-grpc-request)"],
          [
            "grpc-web",
            "Ann",
            "UNAVAILABLE",
            "failed on purpose (x-envoy-fault-abort-grpc-request)",
          ],
          ["connect", "Bob", "OK"],
          ["connect", "Dan", "RESOURCE_EXHAUSTED", "failed on purpose (rpc-behavior)"],
          ["connect", "Cid", "DEADLINE_EXCEEDED", "the deadline passed before the answer"],
        ];
        assert.deepEqual(calls(stdout.text), [...each, ...each]);
      }, ["--faults-by-metadata", "--answers", path, "--instance", "here", "--log", "json"]);
    }),
);
