/** `-v`, `-vv` and `-vvv` of a call and a check: the frames on stderr. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { frameLine } from "../../src/wire/frames.ts";
import { call, names } from "../support/calls.ts";
import { CALL_TLS, SERVE_TLS } from "../support/certs.ts";
import {
  answer,
  frame,
  goaway,
  ping,
  PREFACE,
  rstStream,
  settings,
  takeFrames,
  windowUpdate,
} from "../support/frames.ts";
import { greet } from "../../src/gauntlet/connection.ts";
import { withHttp2Server } from "../support/http2_server.ts";
import {
  posixTest,
  programTest,
  type Result,
  serveTest,
  startServe,
  usersvc,
  withFolder,
} from "../support/program.ts";
import { withPeer } from "../support/tcp_peer.ts";
import { stopServer } from "../../tools/programs.ts";

/** The lines of one direction of a connection, each frame with what it says, without times and ports. */
function shown({ stderr }: Result, mark: ">" | "<" | "*", connection = 1): string[] {
  const start = `#${connection} ${mark} `;
  const blocks = stderr.split(/\n(?! {8})/).filter((block) => block.startsWith(start));
  return blocks.map((block) =>
    block.slice(start.length).replace(/^ *\d+\.\d ms {2}/, "").replaceAll(/\n +/g, " | ")
      .replaceAll(/(localhost|127\.0\.0\.1):\d+/g, "$1:PORT").replace(/(grpc-timeout: )\d+m/, "$1N")
  );
}

/** What a call of Alice is on the wire; its headers are long by the digits of a port and a deadline. */
const SENT = [
  "the preface of HTTP/2",
  "SETTINGS, stream 0, 18 bytes | ENABLE_PUSH = 0 | INITIAL_WINDOW_SIZE = 65535 | " +
  "MAX_HEADER_LIST_SIZE = 65536",
  "SETTINGS ACK, stream 0, 0 bytes",
  /^HEADERS END_HEADERS, stream 1, 1\d\d bytes .*\| :path: \/userservice.UserService\/GetUser \|/,
  "DATA, stream 1, 12 bytes | 00 00000007: userservice.GetUserRequest, 7 bytes, not compressed | " +
  '1 username: "Alice"',
  "DATA END_STREAM, stream 1, 0 bytes",
];

const RECEIVED = [
  "SETTINGS, stream 0, 12 bytes | MAX_CONCURRENT_STREAMS = 100 | MAX_HEADER_LIST_SIZE = 65536",
  "SETTINGS ACK, stream 0, 0 bytes",
  /^HEADERS END_HEADERS, stream 1, \d+ bytes \| :status: 200 \| content-type: application\/grpc/,
  "DATA, stream 1, 27 bytes | 00 00000016: userservice.GetUserResponse, 22 bytes, " +
  'not compressed | 1 message: "Привет, Alice!"',
  /^HEADERS END_STREAM END_HEADERS, stream 1, \d+ bytes \| grpc-status: 0 \(OK\)/,
];

/** What the client says when all is over may come before the process ends, or not. */
function assertLines(lines: readonly string[], expected: readonly (string | RegExp)[]): void {
  assert.ok(lines.length >= expected.length, lines.join("\n"));
  for (const [index, line] of expected.entries()) {
    if (typeof line === "string") assert.equal(lines[index], line);
    else assert.match(lines[index]!, line);
  }
}

function assertCall(result: Result): void {
  assert.deepEqual([result.code, result.stdout], [0, "Привет, Alice!\n"], result.stderr);
  assertLines(shown(result, ">"), SENT);
  assertLines(shown(result, "<"), RECEIVED);
}

serveTest("-vv shows each frame of a call besides what -v shows", async ({ port }) => {
  const address = `127.0.0.1:${port}`;
  const result = await call(address, "-vv");
  assertCall(result);
  assert.deepEqual(shown(result, "*"), ["connection to 127.0.0.1:PORT"]);
  const plain = (text: string) => text.replaceAll(/\d+\.\d ms/g, "N ms");
  const rest = result.stderr.replaceAll(/^(?:#\d| {8}).*\n/gm, "");
  const verbose = await call(address, "-v");
  assert.equal(plain(rest), plain(verbose.stderr));
  assert.match(plain(rest), /^< OK after N ms$/m);
  for (const spelling of [["-v", "-v"], ["--verbose=2"], ["-v", "--verbose"], ["-v=2"]]) {
    assertCall(await call(address, ...spelling));
  }
});

serveTest("-vvv shows the credentials that -vv hides, -v as before", async ({ port }) => {
  const flags = ["-H", "authorization: Bearer abc", "-H", "cookie: id=abc"];
  for (const [verbose, count, hidden] of [["-v", 2, 0], ["-vv", 0, 4], ["-vvv", 4, 0]] as const) {
    const { code, stderr } = await call(`127.0.0.1:${port}`, verbose, ...flags);
    assert.equal(code, 0);
    assert.equal(stderr.match(/abc/g)?.length ?? 0, count, stderr);
    assert.equal(stderr.match(/\(hidden\)/g)?.length ?? 0, hidden, stderr);
  }
});

serveTest("-vv shows a call over TLS", async ({ port }) => {
  assertCall(await call(`127.0.0.1:${port}`, "-vv", ...CALL_TLS));
}, SERVE_TLS);

posixTest("-vv shows a call over a Unix socket", () =>
  withFolder(async (folder) => {
    const server = await startServe(["--unix", `${folder}/s`]);
    try {
      const result = await call(`unix:${folder}/s`, "-vv");
      assertCall(result);
      assert.deepEqual(shown(result, "*"), [`connection to unix:${folder}/s`]);
    } finally {
      await stopServer(server);
    }
  }));

serveTest("check -vv shows each frame of a check", async ({ port }) => {
  const result = await usersvc(["check", "--port", `${port}`, "-vv"]);
  assert.deepEqual([result.code, result.stdout], [0, "SERVING\n"], result.stderr);
  assert.equal(
    shown(result, ">")[4],
    "DATA, stream 1, 7 bytes | 00 00000002: grpc.health.v1.HealthCheckRequest, 2 bytes, " +
      'not compressed | 1 service: ""',
  );
  assert.equal(
    shown(result, "<")[3],
    "DATA, stream 1, 7 bytes | 00 00000002: grpc.health.v1.HealthCheckResponse, 2 bytes, " +
      "not compressed | 1 status: 1 SERVING",
  );
});

serveTest("a batch shows the frames of all its calls, with --json too", async ({ port }) => {
  const args = ["--address", `127.0.0.1:${port}`, "-vv", ...names(20)];
  for (const json of [[], ["--json"]]) {
    const result = await usersvc(["call", ...json, ...args]);
    assert.equal(result.code, 0, result.stderr);
    const asked = shown(result, ">").flatMap((line) => /1 username: "(\w+)"/.exec(line)?.[1] ?? []);
    assert.deepEqual(asked, names(20));
    const ended = shown(result, "<").filter((line) => line.startsWith("HEADERS END_STREAM"));
    assert.equal(ended.length, 20);
    assert.equal(/^> /m.test(result.stderr), json.length === 0);
    assert.equal(result.stdout.includes('"timeMs"'), json.length > 0);
  }
});

/** The bytes that a server gets and sends, by connection. */
interface Recorded {
  readonly got: Uint8Array[];
  readonly sent: Uint8Array[];
}

function record(socket: Socket): Recorded {
  const recorded: Recorded = { got: [], sent: [] };
  socket.on("data", (chunk: Uint8Array) => recorded.got.push(chunk));
  const write = socket.write.bind(socket) as (chunk: Uint8Array) => boolean;
  socket.write = ((chunk: Uint8Array) => {
    recorded.sent.push(chunk);
    return write(chunk);
  }) as Socket["write"];
  return recorded;
}

function frameLines(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  takeFrames(bytes, ({ type, flags, streamId, payload }) => {
    lines.push(frameLine(type, flags, streamId, payload.length));
  });
  return lines;
}

programTest("no frame is lost or out of order, however the server sends them", async () => {
  for (const size of [1, 5, 1000]) {
    const connections: Recorded[] = [];
    const result = await withHttp2Server(
      (asked) => {
        const more = [ping(1), windowUpdate(0, 5), frame(0x77, 3, 0, Buffer.alloc(70)), ping(2)];
        void asked.sendInParts(Buffer.concat([...more, answer(asked.stream)]), size);
      },
      async (port) => await call(`127.0.0.1:${port}`, "-vv"),
      (socket) => {
        connections.push(record(socket));
        return greet(socket);
      },
    );
    assert.deepEqual([result.code, result.stdout], [0, "hello\n"], result.stderr);
    const [{ got, sent }] = connections as [Recorded];
    const heads = (mark: ">" | "<") =>
      shown(result, mark).map((line) => line.replace(/ \|[^]*/, ""));
    const received = heads("<"), said = heads(">").slice(1);
    const expected = frameLines(Buffer.concat(sent));
    // The process may end before the last acknowledgement comes, or before its last words are read.
    assert.deepEqual(received, expected.slice(0, received.length));
    assert.ok(received.length >= 8, received.join("\n"));
    const read = frameLines(Buffer.concat(got).subarray(PREFACE.length));
    assert.deepEqual(said.slice(0, read.length), read);
    assert.ok(read.length >= 5, read.join("\n"));
  }
});

programTest(
  "what an odd server sends is shown, escaped, and which connection it came on",
  () =>
    withHttp2Server(
      ({ stream, send, socket }) => {
        const debug = Buffer.from("\0\0\0\0\0\0\0\x0btoo\x1b[2Jmany", "latin1");
        send(rstStream(stream, 7), goaway(), frame(7, 0, 0, debug));
        socket.end();
      },
      async (port) => {
        const result = await call(`127.0.0.1:${port}`, "-vv", "--timeout", "30s");
        assert.notEqual(result.code, 0);
        assert.deepEqual(
          shown(result, "<").filter((line) => /^(?:RST|GOAWAY)/.test(line)),
          [
            "RST_STREAM, stream 1, 4 bytes | REFUSED_STREAM (7)",
            "GOAWAY, stream 0, 8 bytes | " +
            "NO_ERROR (0), last stream 2147483647 (no new streams, those that are open go on)",
            "GOAWAY, stream 0, 19 bytes | ENHANCE_YOUR_CALM (11), last stream 0 " +
            '(no stream above 0 was looked at): "too\\x1b[2Jmany"',
          ],
        );
        // deno-lint-ignore no-control-regex
        assert.doesNotMatch(result.stderr, /[\x00-\x09\x0b-\x1f]/);
        // gRPC tries a refused call again, and another connection has another number.
        assert.match(shown(result, ">", 2).join("\n"), /GetUser/);
      },
      (socket) => void socket.write(settings([3, 10])),
    ),
);

programTest(
  "an answer in HTTP/1.1 is shown",
  () =>
    withPeer((socket) => {
      socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    }, async (port) => {
      const result = await call(`127.0.0.1:${port}`, "-vv");
      assert.equal(result.code, 78, result.stderr);
      assert.deepEqual(shown(result, "<"), [
        "HTTP/2 protocol error: a frame of 4740180 bytes; what follows is not shown | " +
        'it begins with "HTTP/1.1 400 Bad Request\\r\\n\\r\\n"',
      ]);
      assert.match(result.stderr, /the server speaks HTTP\/1\.1/);
    }),
);

programTest(
  "that a server closes the connection in the middle of a call is shown",
  () =>
    withHttp2Server(({ socket }) => void socket.end(), async (port) => {
      const result = await call(`127.0.0.1:${port}`, "-vv");
      assert.equal(result.code, 78, result.stderr);
      assert.deepEqual(shown(result, "*"), ["connection to 127.0.0.1:PORT", "closed by the peer"]);
    }),
);

serveTest(
  "the connection that finds out why headers are refused is shown too",
  async ({ port }) => {
    const long = ["-H", `x-long: ${"x".repeat(70_000)}`];
    const result = await call(`127.0.0.1:${port}`, "-vv", ...long);
    assert.match(result.stderr, /the metadata is too large/);
    assert.match(shown(result, "<", 2)[0]!, /^SETTINGS, .*MAX_HEADER_LIST_SIZE = 65536/);
  },
);
