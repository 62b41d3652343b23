/** Connect, gRPC-Web and plain HTTP on the port of gRPC. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gunzipSync, gzipSync } from "node:zlib";
import { root } from "../tools/paths.ts";
import {
  ask,
  certificate,
  framed,
  GET_USER,
  message,
  type Reach,
  type Received,
  type Sent,
  unframed,
} from "./http_client.ts";
import { posixTest, programTest, type Serve, usersvc, withServe } from "./program.ts";

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
    const folder = await Deno.makeTempDir({ prefix: "usersvc-http-" });
    const socket = `${folder}/socket`;
    try {
      await withServe(async ({ port }) => {
        await assertAllAnswer({ port }, "TCP");
        await assertAllAnswer({ socket }, "a Unix socket");
        await assertGrpcAnswers(["--address", `unix:${socket}`]);
      }, ["--unix", socket]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

const CERTS = `${root}tests/certs`;
const TLS = ["--tls-cert", `${CERTS}/server.pem`, "--tls-key", `${CERTS}/server.key`];

posixTest("the same are answered over TLS, by two workers", () =>
  withServe(async ({ port }) => {
    await assertAllAnswer({ port, tls: { ca: certificate("ca.pem") } }, "TLS, workers");
    await assertGrpcAnswers(["--port", String(port), "--tls", "--tls-ca", `${CERTS}/ca.pem`]);
  }, [...TLS, "--workers", "2"]));

posixTest(
  "the same are answered over mTLS, and nobody without a certificate",
  () =>
    withServe(async ({ port }) => {
      const ca = certificate("ca.pem");
      const identity = { cert: certificate("client.pem"), key: certificate("client.key") };
      await assertAllAnswer({ port, tls: { ca, ...identity } }, "mTLS");
      for (const version of [1, 2] as const) {
        await assert.rejects(ask({ port, tls: { ca }, version }, { path: "/healthz" }));
      }
    }, [...TLS, "--tls-client-ca", `${CERTS}/ca.pem`]),
);
