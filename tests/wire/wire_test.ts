/** What is shown of a connection, frame by frame: the room alone, without sockets. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { Observer } from "../../src/http2/session.ts";
import { connectionPrinter } from "../../src/wire/connection.ts";
import {
  answer,
  begin,
  blockFrames,
  call,
  callFields,
  data,
  end,
  type Field,
  Flag,
  frame,
  FrameType,
  goaway,
  grpcMessage,
  headerBlock,
  headers,
  HELLO,
  message,
  ping,
  PREFACE,
  rstStream,
  SERVING,
  settings,
  windowUpdate,
} from "../support/frames.ts";
import { randomNumbers } from "../support/random.ts";

const show = printer({ secrets: false });
let lines: string[] = [];

function printer({ secrets }: { readonly secrets: boolean }) {
  return connectionPrinter({ print: (line) => void lines.push(line), secrets, now: () => 0 });
}

/** The lines of a connection, without the first, which names the peer; times are left out. */
function shownOf(use: (observer: Observer) => void, by = show): string[] {
  lines = [];
  use(by("#1", "server:1"));
  assert.equal(lines[0], "#1 *     0.0 ms  connection to server:1");
  return lines.slice(1).map((line) => line.replace(/ {5}0\.0 ms {2}/, " "));
}

/** The lines of what a server sends. */
const received = (...frames: readonly Uint8Array[]): string[] =>
  shownOf((observer) => observer.received(Buffer.concat(frames)));

/** The lines of what a client sends behind its preface and its settings. */
function sent(...frames: readonly Uint8Array[]): string[] {
  const all = shownOf((observer) => observer.sent(Buffer.concat([HELLO, ...frames])));
  assert.deepEqual(all.slice(0, 2), [
    "#1 > the preface of HTTP/2",
    "#1 > SETTINGS, stream 0, 0 bytes",
  ]);
  return all.slice(2);
}

/** Gives details the margin that they have. */
const under = (line: string, ...details: readonly string[]): string[] => [
  line,
  ...details.map((detail) => `        ${detail}`),
];

const NOTHING = Buffer.alloc(0);

/** Each type of frame that is no block of headers and no data, right and wrong. */
const CONTROL: readonly [bytes: Buffer, line: string, ...details: string[]][] = [
  [
    settings([1, 4096], [2, 0], [3, 100], [4, 65_535], [5, 16_384], [6, 8192], [0xfe03, 1], [
      77,
      5,
    ]),
    "SETTINGS, stream 0, 48 bytes",
    "HEADER_TABLE_SIZE = 4096",
    "ENABLE_PUSH = 0",
    "MAX_CONCURRENT_STREAMS = 100",
    "INITIAL_WINDOW_SIZE = 65535",
    "MAX_FRAME_SIZE = 16384",
    "MAX_HEADER_LIST_SIZE = 8192",
    "GRPC_ALLOW_TRUE_BINARY_METADATA = 1",
    "0x4d = 5",
  ],
  [frame(FrameType.SETTINGS, Flag.ACK, 0), "SETTINGS ACK, stream 0, 0 bytes"],
  [
    frame(FrameType.SETTINGS, 0, 3, Buffer.of(0, 3, 0, 0, 0, 1, 0)),
    "SETTINGS, stream 3, 7 bytes",
    "MAX_CONCURRENT_STREAMS = 1",
    "the last setting is cut short",
  ],
  [ping(7), "PING, stream 0, 8 bytes", "00 00 00 00 00 00 00 07"],
  [ping(7, Flag.ACK), "PING ACK, stream 0, 8 bytes", "00 00 00 00 00 00 00 07"],
  [
    frame(FrameType.PING, 0, 0, Buffer.of(1)),
    "PING, stream 0, 1 byte",
    "not the length that this type has: 01",
  ],
  [
    goaway(3, 11),
    "GOAWAY, stream 0, 8 bytes",
    "ENHANCE_YOUR_CALM (11), last stream 3 (no stream above 3 was looked at)",
  ],
  [
    goaway(),
    "GOAWAY, stream 0, 8 bytes",
    "NO_ERROR (0), last stream 2147483647 (no new streams, those that are open go on)",
  ],
  [
    frame(FrameType.GOAWAY, 0, 0, Buffer.from("\0\0\0\x01\0\0\0\xfftoo_many\npings", "latin1")),
    "GOAWAY, stream 0, 22 bytes",
    'unknown code (255), last stream 1 (no stream above 1 was looked at): "too_many\\npings"',
  ],
  [rstStream(5, 8), "RST_STREAM, stream 5, 4 bytes", "CANCEL (8)"],
  [
    frame(FrameType.RST_STREAM, 0, 5),
    "RST_STREAM, stream 5, 0 bytes",
    "not the length that this type has",
  ],
  [windowUpdate(0, 1000), "WINDOW_UPDATE, stream 0, 4 bytes", "may send 1000 more bytes"],
  [
    frame(FrameType.PRIORITY, 0, 3, Buffer.of(0x80, 0, 0, 1, 15)),
    "PRIORITY, stream 3, 5 bytes",
    "depends on stream 1, weight 16, exclusive",
  ],
  [frame(0xfa, 0x41, 9), "frame of the unknown type 0xfa 0x41, stream 9, 0 bytes"],
  [
    frame(0xfa, 0, 9, Buffer.alloc(40, 0xab)),
    "frame of the unknown type 0xfa, stream 9, 40 bytes",
    `${Array(32).fill("ab").join(" ")} ...`,
  ],
];

Deno.test("each type of frame is shown with its flags and what it says, both ways", () => {
  for (const [bytes, line, ...details] of CONTROL) {
    assert.deepEqual(received(bytes), under(`#1 < ${line}`, ...details));
    assert.deepEqual(sent(bytes), under(`#1 > ${line}`, ...details));
  }
});

const CALL = [
  ...under(
    "#1 > HEADERS END_HEADERS, stream 1, 134 bytes",
    ":method: POST",
    ":scheme: http",
    ":path: /userservice.UserService/GetUser",
    ":authority: localhost",
    "content-type: application/grpc",
    "te: trailers",
  ),
  ...under(
    "#1 > DATA END_STREAM, stream 1, 12 bytes",
    "00 00000007: userservice.GetUserRequest, 7 bytes, not compressed",
    '  1 username: "Alice"',
  ),
];

const ANSWER = [
  ...under(
    "#1 < HEADERS END_HEADERS, stream 1, 44 bytes",
    ":status: 200",
    "content-type: application/grpc",
  ),
  ...under(
    "#1 < DATA, stream 1, 12 bytes",
    "00 00000007: userservice.GetUserResponse, 7 bytes, not compressed",
    '  1 message: "hello"',
  ),
  ...under("#1 < HEADERS END_STREAM END_HEADERS, stream 1, 15 bytes", "grpc-status: 0 (OK)"),
];

Deno.test("a call is shown with its headers and messages, however its bytes come", () => {
  const request = Buffer.concat([PREFACE, call(1, "Alice")]);
  const expected = ["#1 > the preface of HTTP/2", ...CALL, ...ANSWER];
  for (const size of [1, 2, 7, 100, 1000]) {
    const shown = shownOf((observer) => {
      for (let at = 0; at < request.length; at += size) {
        observer.sent(request.subarray(at, at + size));
      }
      const response = answer(1);
      for (let at = 0; at < response.length; at += size) {
        observer.received(response.subarray(at, at + size));
      }
    });
    assert.deepEqual(shown, expected, `${size} bytes at a time`);
  }
});

Deno.test("headers that stand in the tables of HPACK have their names, in both directions", () => {
  // RFC 7541, section 6.2.1: both go into the dynamic table, where the last one is number 62.
  const first = Buffer.from("\x40\x05x-one\x01a\x40\x05x-two\x01b", "latin1");
  const again = Buffer.of(0x80 | 63, 0x80 | 62);
  for (const use of [received, sent]) {
    const shown = use(
      ...[first, again].map((block, at) =>
        frame(FrameType.HEADERS, Flag.END_HEADERS, 2 * at + 1, block)
      ),
    );
    const fields = shown.filter((line) => line.startsWith(" ")).map((line) => line.trim());
    assert.deepEqual(fields, ["x-one: a", "x-two: b", "x-one: a", "x-two: b"]);
  }
});

Deno.test("a block of several frames, padded or promised, is shown with its last frame", () => {
  const block = headerBlock([["x-a", "1"], ["x-b", "2"]]);
  assert.deepEqual(received(...blockFrames(1, block, { frameBytes: 10, flags: Flag.END_STREAM })), [
    ...under("#1 < HEADERS END_STREAM, stream 1, 10 bytes", "the headers go on in CONTINUATION"),
    ...under("#1 < CONTINUATION END_HEADERS, stream 1, 4 bytes", "x-a: 1", "x-b: 2"),
  ]);
  const padded = Buffer.concat([Buffer.of(3), block, Buffer.alloc(3)]);
  assert.deepEqual(
    received(frame(
      FrameType.HEADERS,
      0x2c,
      1,
      Buffer.concat([
        Buffer.of(3, 0, 0, 0, 0, 9),
        block,
        Buffer.alloc(3),
      ]),
    )),
    under("#1 < HEADERS END_HEADERS PADDED PRIORITY, stream 1, 23 bytes", "x-a: 1", "x-b: 2"),
  );
  const promise = (flags: number, from: Buffer, at: number) =>
    frame(
      FrameType.PUSH_PROMISE,
      flags,
      1,
      Buffer.concat([from.subarray(0, at), Buffer.of(0, 0, 0, 2), from.subarray(at)]),
    );
  assert.deepEqual(received(promise(4, block, 0), promise(0xc, padded, 1)), [
    ...under(
      "#1 < PUSH_PROMISE END_HEADERS, stream 1, 18 bytes",
      "promises stream 2",
      "x-a: 1",
      "x-b: 2",
    ),
    ...under(
      "#1 < PUSH_PROMISE END_HEADERS PADDED, stream 1, 22 bytes",
      "promises stream 2",
      "x-a: 1",
      "x-b: 2",
    ),
  ]);
});

Deno.test("credentials and cookies are hidden unless they are asked for", () => {
  const fields: Field[] = ["authorization", "proxy-authorization", "cookie", "set-cookie", "x-a"]
    .map((name) => [name, `${name} of Alice`]);
  const hidden = fields.map(([name], at) => `${name}: ${at < 4 ? "(hidden)" : "x-a of Alice"}`);
  const line = "HEADERS END_HEADERS, stream 1, 162 bytes";
  assert.deepEqual(received(headers(1, fields)), under(`#1 < ${line}`, ...hidden));
  assert.deepEqual(sent(headers(1, fields)), under(`#1 > ${line}`, ...hidden));
  const showAll = printer({ secrets: true });
  assert.deepEqual(
    shownOf((observer) => observer.received(headers(1, fields)), showAll),
    under(`#1 < ${line}`, ...fields.map(([name, value]) => `${name}: ${value}`)),
  );
});

/** Messages of a method, and what is shown of each. */
const MESSAGES: readonly [path: string, message: Buffer, ...shown: string[]][] = [
  [
    "/userservice.UserService/GetUser",
    NOTHING,
    "00 00000000: userservice.GetUserRequest, 0 bytes, not compressed",
  ],
  [
    "/no.Such/Method",
    Buffer.from("0a05416c696365109601250000803f2901020304050607083801420200ff4b4c", "hex"),
    "00 00000020: message, 32 bytes, not compressed",
    '  1: "Alice"',
    "  2: 150",
    "  4: 00 00 80 3f",
    "  5: 01 02 03 04 05 06 07 08",
    "  7: 1",
    "  8: 2 bytes 00 ff",
    "  9: begin of a group",
    "  9: end of a group",
  ],
  [
    "/constructor/toString",
    Buffer.from("0a05416c", "hex"),
    "00 00000004: message, 4 bytes, not compressed",
    "  no field, or cut short: 0a 05 41 6c",
  ],
  [
    "/userservice.UserService/GetUser",
    Buffer.from("0801", "hex"),
    "00 00000002: userservice.GetUserRequest, 2 bytes, not compressed",
    "  1 username: 1",
  ],
];

Deno.test("messages are taken apart by what the contract says, or else by what they are", () => {
  for (const [path, bytes, ...shown] of MESSAGES) {
    const asked = headers(1, callFields({ ":path": path }));
    const all = sent(asked, data(1, grpcMessage(bytes)));
    assert.deepEqual(
      all.slice(all.findIndex((line) => line.includes("DATA")) + 1),
      under("", ...shown).slice(1),
    );
  }
  const check = callFields({ ":path": "/grpc.health.v1.Health/Check" });
  const shown = shownOf((observer) => {
    observer.sent(Buffer.concat([HELLO, headers(1, check)]));
    observer.received(Buffer.concat([begin(1), message(1, SERVING)]));
  });
  assert.equal(shown.at(-1)!.trim(), "1 status: 1 SERVING");
});

/** What follows the headers of an answer. */
const answered = (...frames: readonly Uint8Array[]): string[] =>
  received(begin(1), ...frames).slice(3).map((line) => line.trim());

Deno.test("what is wrong with a message is said", () => {
  const compressed = Buffer.concat([grpcMessage(Buffer.from("zzz"), 3, 1)]);
  assert.deepEqual(answered(data(1, compressed)), [
    "#1 < DATA, stream 1, 8 bytes",
    "01 00000003: message, 3 bytes, compressed",
  ]);
  assert.deepEqual(answered(data(1, grpcMessage(NOTHING, 0, 7))), [
    "#1 < DATA, stream 1, 5 bytes",
    "07 00000000: message, 0 bytes, wrong flag 7",
  ]);
  assert.deepEqual(answered(data(1, Buffer.of(0, 0)), data(1, NOTHING, Flag.END_STREAM)), [
    "#1 < DATA, stream 1, 2 bytes",
    "#1 < DATA END_STREAM, stream 1, 0 bytes",
    "the message is cut short: 2 of the 5 bytes before it",
  ]);
  const part = grpcMessage(Buffer.from("0a05416c", "hex"), 7);
  assert.deepEqual(answered(data(1, part), end(1, "0")), [
    "#1 < DATA, stream 1, 9 bytes",
    "00 00000007: message, 7 bytes, not compressed",
    "#1 < HEADERS END_STREAM END_HEADERS, stream 1, 15 bytes",
    "grpc-status: 0 (OK)",
    "the message is cut short: 4 of 7 bytes",
    "no field, or cut short: 0a 05 41 6c",
  ]);
});

Deno.test("of a long message the start is shown, and of many messages the first", () => {
  const text = Buffer.concat([Buffer.from("0aa09c01", "hex"), Buffer.alloc(20_000, "x")]);
  const long = grpcMessage(text);
  assert.deepEqual(answered(data(1, long.subarray(0, 16_384)), data(1, long.subarray(16_384))), [
    "#1 < DATA, stream 1, 16384 bytes",
    "00 00004e24: message, 20004 bytes, not compressed",
    "#1 < DATA, stream 1, 3625 bytes",
    "goes on: 3625 bytes of the message have not come before",
    "the first 4096 bytes:",
    `no field, or cut short: 0a a0 9c 01${" 78".repeat(28)} ...`,
  ]);
  const many = answered(data(1, Buffer.concat(Array(1000).fill(grpcMessage(SERVING)))));
  assert.equal(many.length, 1 + 2 * 20 + 1);
  assert.equal(many.at(-1), "... and 980 more messages");
  const fields = answered(data(1, grpcMessage(Buffer.concat(Array(1000).fill(SERVING)))));
  assert.equal(fields.length, 2 + 50 + 1);
  assert.equal(fields.at(-1), "... and 1900 more bytes");
});

Deno.test("what is no gRPC is shown as text", () => {
  const page = received(
    headers(1, [[":status", "502"], ["content-type", "text/html"]]),
    data(1, Buffer.from("<html>\x1b[2J".padEnd(300, "x"))),
  );
  assert.equal(page.at(-1), `        "<html>\\x1b[2J${"x".repeat(190)}"...`);
  assert.deepEqual(
    received(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")),
    under(
      "#1 < HTTP/2 protocol error: a frame of 4740180 bytes; what follows is not shown",
      'it begins with "HTTP/1.1 400 Bad Request\\r\\n\\r\\n"',
    ),
  );
});

Deno.test("a block that cannot be decoded is said, and those behind it, since the table is wrong", () => {
  const wrong = frame(FrameType.HEADERS, Flag.END_HEADERS, 1, Buffer.of(0xff, 0));
  assert.deepEqual(received(wrong, begin(3), ping(1)), [
    ...under(
      "#1 < HEADERS END_HEADERS, stream 1, 2 bytes",
      "HTTP/2 protocol error: a block of headers has no field 127",
    ),
    ...under(
      "#1 < HEADERS END_HEADERS, stream 3, 44 bytes",
      "not decoded: a block before could not be",
    ),
    ...under("#1 < PING, stream 0, 8 bytes", "00 00 00 00 00 00 00 01"),
  ]);
});

Deno.test("how a connection ends that we had not ended is said", () => {
  assert.deepEqual(
    shownOf((observer) => {
      observer.ended();
      observer.ended(new Error("read\x1b ECONNRESET"));
    }),
    ["#1 * closed by the peer", "#1 * broken: read\\x1b ECONNRESET"],
  );
});

/** No line may be longer, whatever a peer sends: a header's name and value, escaped, are the longest. */
const MAX_LINE = 2000;

function assertSafe(shown: readonly string[]): void {
  for (const line of shown) {
    // deno-lint-ignore no-control-regex
    assert.doesNotMatch(line, /[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/);
    assert.ok(line.length < MAX_LINE, `a line of ${line.length} characters`);
  }
}

Deno.test("whatever a peer sends, lines are escaped and cut, and frames are all there", () => {
  const random = randomNumbers(24);
  const below = (max: number) => Math.floor(random() * max);
  const bytes = (length: number) => Buffer.from(Array.from({ length }, () => below(256)));
  for (let round = 0; round < 300; round++) {
    const frames = Array.from({ length: 1 + below(20) }, () => {
      const type = below(12), id = below(4);
      if (below(3) === 0) return data(id, grpcMessage(bytes(below(60)), below(80)), below(2));
      if (below(3) === 0) {
        const nasty: Field = [
          bytes(below(300)).toString("latin1"),
          bytes(below(900)).toString("latin1"),
        ];
        return headers(id || 1, [...callFields(), nasty], 4 | below(2));
      }
      return frame(type, below(256), id, bytes(below(80)));
    });
    const shown = received(...frames);
    assertSafe(shown);
    assert.equal(shown.filter((line) => line.startsWith("#1 < ")).length, frames.length);
  }
});

Deno.test("streams that never end and a message without end keep little", () => {
  const megabyte = 2 ** 20;
  lines = [];
  const observer = show("#1", "server:1");
  observer.sent(HELLO);
  for (let id = 1; id < 20_000; id += 2) observer.sent(headers(id, callFields()));
  observer.received(begin(19_999));
  observer.received(data(19_999, grpcMessage(NOTHING, 2 ** 32 - 1)));
  const chunk = data(19_999, Buffer.alloc(16_384));
  lines = [];
  const before = heap();
  for (let sent = 0; sent < 64 * megabyte; sent += 16_384) {
    observer.received(chunk);
    lines.length = 0;
  }
  assert.ok(heap() - before < 16 * megabyte, "it keeps what has come");
});

/** What is held in memory, buffers included, in bytes. */
function heap(): number {
  (globalThis as { gc?: () => void }).gc?.();
  const { heapUsed, external } = Deno.memoryUsage();
  return heapUsed + external;
}
