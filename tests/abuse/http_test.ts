/** What a peer can do to the server by HTTP/1.1, and by what is half of it and half HTTP/2. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { setTimeout as pause } from "node:timers/promises";
import { ask, GET_USER } from "../support/http_client.ts";
import { linuxServeTest, type Serve } from "../support/program.ts";
import { callFields, data, headers, HELLO, PREFACE } from "../support/frames.ts";
import { type Peer, withPeers } from "../support/http2_peer.ts";
import { inTime, until, within } from "../support/waits.ts";
import { answersOverTcp, assertAlive, assertNoStack, greet, survives } from "./survival.ts";

/** How long an answer may take, in milliseconds. */
const ANSWER_MS = 1_000;
const MARKUP = '<script>alert(1)</script>"\u0000\u202e';

const text = (...lines: readonly string[]) => Buffer.from(lines.join("\r\n"));
const request = (head: string, ...fields: readonly string[]) =>
  text(`${head} HTTP/1.1`, "host: localhost", ...fields, "", "");
const post = (...fields: readonly string[]) =>
  request(`POST ${GET_USER}`, "content-type: application/json", ...fields);

/** Checks that both sides of the port answer. */
async function answersBoth(server: Serve): Promise<void> {
  await answersOverTcp(server);
  const asked = ask({ port: server.port, version: 1 }, { path: "/healthz" });
  assert.equal((await within(ANSWER_MS, "an answer to GET /healthz", asked)).status, 200);
}

/** What is sent on a connection each, at once; more of it is in tests/server/http1_test.ts. */
const ODD: readonly Uint8Array[] = [
  // Half of one protocol, half of the other.
  Buffer.concat([request("GET /healthz"), HELLO]),
  Buffer.concat([PREFACE.subarray(0, 16), request("GET /healthz")]),
  Buffer.concat([HELLO, request("GET /healthz")]),
  text("PRX * HTTP/2.0", "", "SM", "", ""),
  text("P"),
  text("\u0000\u0001GET / HTTP/1.1", "", ""),
  // Upgrades.
  request(
    "GET /",
    "connection: Upgrade, HTTP2-Settings",
    "upgrade: h2c",
    "http2-settings: AAMAAABk",
  ),
  request(
    "GET /",
    "connection: Upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==",
  ),
  request("TRACE /"),
  request("BREW /pot"),
  request(`GET http://user:pass@[::1]:99999/${MARKUP}?x#y`),
  request("GET https://elsewhere.example/healthz"),
  request("GET //elsewhere.example/%00%ff/../healthz"),
  request(`POST http://[${GET_USER}`, "content-type: application/json", "content-length: 2"),
  text("GET /healthz HTTP/1.1", "", ""),
  text(`POST ${GET_USER} HTTP/1.1`, "host: \u00ff:x", "content-type: application/json", "", ""),
  // Bodies.
  Buffer.concat([post("content-length: 3", "content-encoding: gzip"), text("abc")]),
  Buffer.concat([post("content-length: 3", "connect-timeout-ms: x"), text("abc")]),
  Buffer.concat([post("content-length: 3", "expect: 100-continue"), text("abc")]),
  Buffer.concat([post("content-length: 3", "content-type: application/grpc-web"), text("abc")]),
  request(`GET ${GET_USER}?encoding=json&base64=1&message=%ff%fe`),
  request(`GET ${GET_USER}?encoding=proto&message=%0a%ff&compression=gzip`),
  // Heads.
  request("GET /", `x: ${"a".repeat(1024 * 1024)}`),
  request("GET /", ...Array.from({ length: 30_000 }, (_, index) => `x${index}: a`)),
  request(`GET /${"a".repeat(1024 * 1024)}`),
  request("GET /", "x: a\rb", "y\u0000: c"),
  // Names with markup, which the log shows.
  Buffer.concat([
    post(`content-length: ${Buffer.byteLength(JSON.stringify({ username: MARKUP }))}`),
    Buffer.from(JSON.stringify({ username: MARKUP })),
  ]),
];

survives("odd requests, each on a connection of its own", async (server) => {
  await withPeers(server.port, ODD.length, async (peers) => {
    await Promise.all(peers.map((peer, index) => peer.send(ODD[index]!)));
    await pause(200);
  });
}, { answers: answersBoth });

const MIB = 1024 * 1024;
const BODY = Buffer.from(`{"username":"${"x".repeat(64 * 1024)}"}`);
const CHUNK = Buffer.concat([
  text((64 * 1024).toString(16), ""),
  Buffer.alloc(64 * 1024),
  text("", ""),
]);

/** Sends until so many bytes are sent, the server hangs up, or it takes no more for a second. */
async function pour(peer: Peer, head: Uint8Array, part: Uint8Array, bytes: number): Promise<void> {
  await peer.send(head);
  const sending = (async () => {
    for (let sent = 0; sent < bytes; sent += part.length) if (!await peer.send(part)) return;
  })();
  await Promise.race([sending, pause(1_000)]);
}

survives("bodies of 64 MiB with and without a length, and of no end", async (server) => {
  const heads: [head: Uint8Array, part: Uint8Array][] = [
    [post(`content-length: ${64 * MIB}`), BODY],
    [post("transfer-encoding: chunked"), CHUNK],
    [post(`content-length: ${4 * MIB}`), BODY.subarray(0, 1000)],
    [request("POST /nothing", "transfer-encoding: chunked"), CHUNK],
    [
      Buffer.concat([HELLO, headers(1, callFields({ "content-type": "application/json" }))]),
      Buffer.concat([data(1, Buffer.alloc(16_000)), data(1, Buffer.alloc(16_000))]),
    ],
  ];
  await withPeers(server.port, heads.length, async (peers) => {
    await Promise.all(peers.map((peer, index) => pour(peer, ...heads[index]!, 64 * MIB)));
  });
}, { answers: answersBoth });

survives("requests sent ahead by peers that read nothing", async (server) => {
  const one = Buffer.concat([post("content-length: 20"), Buffer.from('{"username":"Alice"}')]);
  const batch = Buffer.concat(Array.from({ length: 100 }, () => one));
  const page = Buffer.concat(Array.from({ length: 100 }, () => request("GET /")));
  await withPeers(server.port, 5, async (peers) => {
    await Promise.all(
      peers.map((peer, index) =>
        pour(peer, Buffer.alloc(0), index % 2 === 0 ? batch : page, 8 * MIB)
      ),
    );
  }, { reads: false });
}, { answers: answersBoth });

/** What has no end of its own: a beginning, and what follows it again and again. */
const ENDLESS: readonly [begin: Uint8Array, part: Uint8Array][] = [
  [Buffer.concat([post("transfer-encoding: chunked"), text("1;")]), Buffer.alloc(1024, "a")],
  [post("transfer-encoding: chunked"), Buffer.from(`1;${"a".repeat(1024)}\r\n \r\n`)],
  [Buffer.concat([post("transfer-encoding: chunked"), text("")]), Buffer.alloc(1024, "0")],
  [Buffer.concat([post("transfer-encoding: chunked"), text("0", "")]), Buffer.from("a: b\r\n")],
  [text(""), Buffer.alloc(1024, "\r\n")],
  [text("GET /"), Buffer.alloc(1024, "a")],
  [text("GET / HTTP/1.1", ""), Buffer.from("a: b\r\n")],
  [text("GET / HTTP/1.1", "a:"), Buffer.alloc(1024, " ")],
];

survives("heads, chunk extensions and trailers without end", async (server) => {
  for (const [begin, part] of ENDLESS) {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    const endless = Buffer.alloc(256 * 1024, part);
    const sent = connection.write(Buffer.concat([begin, endless])).catch(() => 0);
    const answer = new Uint8Array(64);
    await inTime("answer", connection.read(answer));
    assert.match(
      String(Buffer.from(answer)),
      /^HTTP\/1\.1 4(?:31|00) /,
      String(part.subarray(0, 9)),
    );
    await sent;
  }
}, { answers: answersBoth });

/** What one reader may take for one request, and another for two. Each is refused, and all behind it. */
const SMUGGLED: readonly string[] = [
  "content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
  "transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
  "content-length: 0\r\ncontent-length: 5\r\n\r\n",
  "content-length: 5\r\ncontent-length: 5\r\n\r\n12345",
  ...["5, 5", "+5", "-5", "0x5", "5 5", "5;", "", "5e0", "\u00b5", "9".repeat(20)].map((length) =>
    `content-length: ${length}\r\n\r\n12345`
  ),
  "content-length : 5\r\n\r\n12345",
  " content-length: 5\r\n\r\n12345",
  "x: y\r\n content-length: 5\r\n\r\n12345",
  "content-length: 0\n\r\n\r\n",
  "x: y\rcontent-length: 5\r\n\r\n12345",
  "x: \0\r\ncontent-length: 0\r\n\r\n",
  "x\0: y\r\ncontent-length: 0\r\n\r\n",
  "(x): y\r\ncontent-length: 0\r\n\r\n",
  "x\r\ncontent-length: 0\r\n\r\n",
  ": x\r\ncontent-length: 0\r\n\r\n",
  ...[
    ...["xchunked", "chunked, chunked", "identity", "gzip, chunked", "chunked;q=1"],
    ...["\u000bchunked", '"chunked"'],
  ].map((encoding) => `transfer-encoding: ${encoding}\r\n\r\n0\r\n\r\n`),
  "transfer-encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
  ...[
    ...["0x0", "-0", "+0", " 0", "0 ", "0 ;x", "", "g", "0;\0", "0;\r", "1\r\nab", "2\r\na\r\n0"],
    "f".repeat(16),
  ].map((chunk) => `transfer-encoding: chunked\r\n\r\n${chunk}\r\n\r\n`),
  "transfer-encoding: chunked\r\n\r\n0\n\r\n\r\n",
  "transfer-encoding: chunked\r\n\r\n1\r\na\n0\r\n\r\n",
  "transfer-encoding: chunked\r\n\r\n0\r\nx y: z\r\n\r\n",
  "transfer-encoding: chunked\r\n\r\n0\r\n x: z\r\n\r\n",
];

survives("requests within the bodies of others", async (server) => {
  await Promise.all(SMUGGLED.map(async (rest) => {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    const head = `POST ${GET_USER} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n`;
    const bytes = `${head}${rest}GET /user_service.proto HTTP/1.1\r\nhost: x\r\n\r\n`;
    await connection.write(Buffer.from(bytes, "latin1"));
    const parts: Uint8Array[] = [];
    const part = new Uint8Array(64 * 1024);
    for (let read; (read = await inTime("answer or end", connection.read(part))) !== null;) {
      parts.push(part.slice(0, read));
    }
    const answers = String(Buffer.concat(parts));
    const codes = [...answers.matchAll(/HTTP\/1\.1 (\d+) /g)].map(([, code]) => code);
    assert.ok(codes.length === 1 && /^(?:400|431|501)$/.test(codes[0]!), `${codes} to ${rest}`);
  }));
}, { answers: answersBoth });

linuxServeTest("connections that are left with answers to take are closed", async (server) => {
  await answersBoth(server);
  const descriptors = () => [...Deno.readDirSync(`/proc/${server.pid}/fd`)].length;
  const before = descriptors();
  const pages = Buffer.concat(Array.from({ length: 12 }, () => request("GET /")));
  await Promise.all(Array.from({ length: 100 }, async () => {
    using connection = await Deno.connect({ hostname: "127.0.0.1", port: server.port });
    await connection.write(pages);
    // A client that goes with bytes to read resets the connection.
    await connection.read(new Uint8Array(1));
  }));
  await until("every connection is closed", () => descriptors() <= before);
  await answersBoth(server);
});

linuxServeTest("many requests in one read hold up nobody else", async (server) => {
  await answersBoth(server);
  const one = text("GET /healthz HTTP/1.1", "host: x", "", "");
  const many = Buffer.concat(Array.from({ length: 2_000 }, () => one));
  await withPeers(server.port, 60, async (peers) => {
    const sent = Promise.all(peers.map((peer) => peer.send(many)));
    // If all of them are parsed, that takes over five seconds.
    const call = assertAlive(server, greet(server.port));
    await within(2 * ANSWER_MS, "answer to a valid call", call);
    await sent;
  }, { reads: false });
});

survives("2,000 connections with one request each", async (server) => {
  for (let done = 0; done < 2_000; done += 50) {
    await withPeers(server.port, 50, async (peers) => {
      await Promise.all(peers.map(async (peer) => {
        await peer.send(request("GET /healthz", "connection: close"));
        await peer.closed();
      }));
    });
  }
}, { answers: answersBoth });

linuxServeTest("requests that come too slowly are cut off, others are not", async (server) => {
  const timed = async (peer: Peer, begin: () => Promise<unknown>) => {
    const start = performance.now();
    await begin();
    await peer.closed();
    return Math.round((performance.now() - start) / 1_000);
  };
  await withPeers(server.port, 4, async ([silent, head, upgraded, dribbling]) => {
    const dribble = async () => {
      await dribbling!.send(text("GET / HTTP/1.1", "x: "));
      for (let sent = 0; sent < 20 && await dribbling!.send(text("a")); sent++) {
        await pause(500);
      }
    };
    const seconds = await assertAlive(
      server,
      Promise.all([
        timed(silent!, () => Promise.resolve()),
        timed(head!, async () => {
          await head!.send(text("GET / HTTP/1.1", "host: x", ""));
          // No peer waits for longer than ten seconds.
          await pause(5_000);
        }),
        timed(upgraded!, () => upgraded!.send(text("PRI"))),
        timed(dribbling!, dribble),
      ]),
    );
    assert.deepEqual(seconds, [3, 10, 3, 10]);
  });
  await answersBoth(server);
  assertNoStack(server.stderr.text);
});
