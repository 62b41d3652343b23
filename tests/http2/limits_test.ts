/** Attacks on each limit of src/http2/limits.ts, on the room alone and without sockets. */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import type { ConnectionOptions } from "../../src/http2/connection.ts";
import type { Headers } from "../../src/http2/fields.ts";
import { connect, createServer } from "../../src/http2/http2.ts";
import * as limits from "../../src/http2/limits.ts";
import type { Session } from "../../src/http2/session.ts";
import type { Stream } from "../../src/http2/stream.ts";
import { fakeSocket } from "../support/fake_socket.ts";
import {
  blockFrames,
  data,
  type Field,
  Flag,
  frame,
  FrameType,
  headerBlock,
  headers,
  HELLO,
  longHeaders,
  MAX_WINDOW,
  ping,
  PREFACE,
  rstStream,
  settings,
  streamIds,
  windowUpdate,
} from "../support/frames.ts";
import { heldBytes } from "../support/held_bytes.ts";
import { readEvents } from "../support/http2_events.ts";

const CALM = "goaway 11", FLOW = "goaway 3", PROTOCOL = "goaway 1";
const END = Flag.END_STREAM, WHOLE = Flag.END_STREAM | Flag.END_HEADERS;
const REQUEST: readonly Field[] = [[":method", "POST"], [":scheme", "http"], [":path", "/"]];

const ACKNOWLEDGEMENT = frame(FrameType.SETTINGS, Flag.ACK, 0);

type Handler = (stream: Stream, headers: Headers) => void;

/** Answers at once. */
const answer: Handler = (stream) => stream.respond({ ":status": 200 }, { endStream: true });
/** Answers once the request is whole. */
const answerLater: Handler = (stream, headers) => {
  stream.on("data", () => {});
  stream.on("end", () => answer(stream, headers));
};
const ignore: Handler = () => {};

/** A server's connection, as its client sees it. */
interface Peer extends Disposable {
  readonly session: Session;
  readonly streams: Stream[];
  /** Sends frames and returns what they have led to, sorted. */
  send(...frames: readonly Uint8Array[]): Promise<string[]>;
  /** What the connection and its streams hold. */
  held(): number;
  readonly fake: ReturnType<typeof fakeSocket>;
}

/** Opens a connection to a server. */
function openPeer(handle: Handler, options: ConnectionOptions = {}): Peer {
  const fake = fakeSocket();
  const streams: Stream[] = [];
  const server = createServer(options);
  server.on("stream", (stream: Stream, headers: Headers) => {
    streams.push(stream);
    handle(stream, headers);
  });
  let session: Session | undefined;
  server.on("session", (one: Session) => session = one);
  server.emit("connection", fake.socket);
  const reader = readEvents();
  return {
    session: session!,
    streams,
    fake,
    async send(...frames) {
      await fake.feed(Buffer.concat(frames));
      return reader.take(fake.take());
    },
    held: () => heldBytes(session!, ["socket"]),
    [Symbol.dispose]: () => fake.close(),
  };
}

/** Sends frames until there is a GOAWAY; returns it, and how many it took. */
async function flood(
  peer: Peer,
  frames: (number: number) => Uint8Array[],
  most: number,
): Promise<{ events: string[]; count: number; held: number }> {
  let held = 0;
  for (let count = 1; count <= most; count++) {
    const events = await peer.send(...frames(count));
    held = Math.max(held, peer.held());
    if (events.some((event) => event.startsWith("goaway"))) return { events, count, held };
  }
  return { events: [], count: most, held };
}

const isBetween = (value: number, from: number, to: number) =>
  assert.ok(value >= from && value <= to, `${value} is not from ${from} to ${to}`);

// Floods, each of which uses up the allowance.

const request = (id: number, flags = WHOLE, fields = REQUEST) => headers(id, fields, flags);
const FLOODS: Readonly<Record<string, (number: number) => Uint8Array[]>> = {
  "rapid resets (CVE-2023-44487)": (n) => [request(2 * n - 1), rstStream(2 * n - 1)],
  "streams that have to be reset (CVE-2025-8671)": (n) => [
    request(2 * n - 1, Flag.END_HEADERS),
    windowUpdate(2 * n - 1, 0),
  ],
  "streams that are malformed": (n) => [request(2 * n - 1, WHOLE, [["x", "y"]])],
  "DATA behind the end of a stream": (n) => [request(2 * n - 1), data(2 * n - 1, Buffer.of(1))],
  "empty DATA (CVE-2019-9518)": (n) => [n > 1 ? data(1) : request(1, Flag.END_HEADERS)],
  "PING (CVE-2019-9512)": (n) => [ping(n)],
  "answers to PINGs that were not sent": (n) => [ping(n, Flag.ACK)],
  "SETTINGS (CVE-2019-9515)": () => [settings()],
  "PRIORITY (CVE-2019-9513)": (n) => [frame(FrameType.PRIORITY, 0, 2 * n + 1, Buffer.alloc(5))],
  "unknown frames": () => [frame(99, 0, 0, Buffer.alloc(100))],
};

for (const [what, frames] of Object.entries(FLOODS)) {
  const now = () => 0;
  Deno.test(`ALLOWANCE ends a flood of ${what}`, async () => {
    using peer = openPeer(ignore, { now });
    await peer.send(HELLO);
    const { events, count, held } = await flood(peer, frames, 2 * limits.ALLOWANCE);
    assert.ok(events.includes(CALM), events.join());
    isBetween(count, limits.ALLOWANCE / 2, limits.ALLOWANCE + 2);
    assert.ok(held < 100_000, `${held} bytes are held`);
  });
}

let time = 0;
Deno.test("the allowance grows by ALLOWED_PER_SECOND: who is not faster goes on", async () => {
  using peer = openPeer(ignore, { now: () => time });
  await peer.send(HELLO);
  const slowly = await flood(peer, (n) => {
    time += 1000 / limits.ALLOWED_PER_SECOND;
    return [ping(n)];
  }, 3 * limits.ALLOWANCE);
  assert.deepEqual(slowly.events, []);
});

Deno.test("the allowance grows by ALLOWED_PER_CALL: a client that calls may cancel as well", async () => {
  using peer = openPeer(answer, { now: () => 0 });
  await peer.send(HELLO);
  const calling = await flood(peer, (n) => {
    const id = 4 * n - 3;
    return [request(id), request(id + 2, Flag.END_HEADERS), rstStream(id + 2), ping(n)];
  }, 3 * limits.ALLOWANCE);
  assert.deepEqual(calling.events, []);
});

Deno.test("calls that are answered before they are whole use up nothing", async () => {
  using peer = openPeer(answer, { now: () => 0 });
  await peer.send(HELLO);
  const calling = await flood(peer, (n) => {
    const id = 2 * n - 1;
    return [request(id, Flag.END_HEADERS), data(id, KIB), data(id, KIB, END)];
  }, 3 * limits.ALLOWANCE);
  assert.deepEqual(calling.events, []);
});

Deno.test("MAX_SETTINGS bounds a frame of SETTINGS", async () => {
  using peer = openPeer(ignore);
  const frameOf = (count: number) => settings(...Array(count).fill([4, 100]));
  assert.deepEqual(await peer.send(PREFACE, frameOf(limits.MAX_SETTINGS)), ["settings ack"]);
  assert.deepEqual(await peer.send(frameOf(limits.MAX_SETTINGS + 1)), [CALM]);
});

Deno.test("PINGs more often than gRPC allows end the connection: too_many_pings", async () => {
  using peer = openPeer(answer, { minPingIntervalMs: 1000, now: () => time });
  await peer.send(HELLO);
  // Those in time, and those of a client that is answered in between, count for nothing.
  for (let n = 1; n < 10; n++) {
    time += 1000;
    assert.equal((await peer.send(ping(n))).length, 1);
    assert.equal((await peer.send(request(2 * n - 1), ping(n))).length, 3);
  }
  const { events, count } = await flood(peer, (n) => [ping(n)], 10);
  assert.deepEqual([events, count], [[CALM], 3]);
});

// Headers.

const incomplete = headerBlock([...REQUEST, ["x", "y".repeat(limits.MAX_BLOCK_BYTES + 20_000)]]);

Deno.test("MAX_BLOCK_FRAMES ends empty CONTINUATION (CVE-2024-27316)", async () => {
  using peer = openPeer(ignore);
  await peer.send(HELLO, request(1, 0));
  const { events, count } = await flood(
    peer,
    () => [frame(FrameType.CONTINUATION, 0, 1)],
    2 * limits.MAX_BLOCK_FRAMES,
  );
  assert.deepEqual([events, count], [[CALM], limits.MAX_BLOCK_FRAMES]);
});

Deno.test("MAX_BLOCK_BYTES ends full CONTINUATION, which is not kept", async () => {
  using peer = openPeer(ignore);
  await peer.send(HELLO, request(1, 0));
  const part = (n: number) => [
    frame(FrameType.CONTINUATION, 0, 1, incomplete.subarray(16_000 * (n - 1), 16_000 * n)),
  ];
  const { events, count, held } = await flood(peer, part, incomplete.length / 16_000);
  assert.deepEqual(events, [CALM]);
  isBetween(count * 16_000, limits.MAX_BLOCK_BYTES, limits.MAX_BLOCK_BYTES + 16_000);
  assert.ok(held < 200_000, `${held} bytes are held`);
});

/** Literals that go into the table, and then indexes of them, a byte each: RFC 7541, 6.2.1 and 6.1. */
function bomb(count: number): Buffer {
  const value = Buffer.alloc(3900, "v");
  const entry = Buffer.concat([Buffer.of(0x40, 1, 0x78, 0x7f, 0xbd, 0x1d), value]);
  return Buffer.concat([headerBlock(REQUEST), entry, Buffer.alloc(count, 0x80 | 62)]);
}

const SMALL: ConnectionOptions = { settings: { maxHeaderListSize: 16_384 } };

Deno.test("a bomb of HPACK is refused, and costs what it is long", async () => {
  using peer = openPeer(answer, { ...SMALL, maxHeaderListPairs: 100_000 });
  await peer.send(HELLO);
  const block = frame(FrameType.HEADERS, WHOLE, 1, bomb(10_000));
  assert.deepEqual(await peer.send(block), ["reset 1 11"]);
  assert.ok(peer.held() < 150_000, `${peer.held()} bytes are held`);
  assert.deepEqual(await peer.send(request(3)), ["end 3", "headers 3 200"]);
});

Deno.test("DEFAULT_HEADER_FIELDS bounds headers that have no bytes to speak of", async () => {
  using peer = openPeer(answer);
  const empty: Field[] = Array(limits.DEFAULT_HEADER_FIELDS - REQUEST.length).fill(["x", ""]);
  await peer.send(HELLO);
  const most = request(1, WHOLE, [...REQUEST, ...empty]);
  assert.deepEqual(await peer.send(most), ["end 1", "headers 1 200"]);
  const more = request(3, WHOLE, [...REQUEST, ...empty, ["x", ""]]);
  assert.deepEqual(await peer.send(more), ["reset 3 11"]);
});

const seen: unknown[] = [];
Deno.test("headers that are too large refuse their call alone, and the table stays right", async () => {
  using peer = openPeer((_stream, headers) => void seen.push(headers["x"]), SMALL);
  await peer.send(HELLO);
  // A literal that goes into the table: RFC 7541, section 6.2.1.
  const [first, last] = ["first", "last"].map((value) =>
    Buffer.from(`\x40\x01x${String.fromCharCode(value.length)}${value}`, "latin1")
  ) as [Buffer, Buffer];
  // A field that is larger than the table empties it: RFC 7541, section 4.4.
  const large = Buffer.concat([
    Buffer.of(0x40, 1, 0x79, 0x7f, 0x81, 0xff, 0x0e),
    Buffer.alloc(245_760, "l"),
  ]);
  const refused = Buffer.concat([headerBlock(REQUEST), first, large, last]);
  const parts = blockFrames(1, refused, { flags: END });
  assert.deepEqual(await peer.send(...parts), ["reset 1 11"]);
  assert.ok(peer.held() < 100_000, `${peer.held()} bytes are held`);
  // In the table is what came behind the large field, and nothing else.
  const next = (id: number, index: number) => {
    const block = Buffer.concat([headerBlock(REQUEST), Buffer.of(0x80 | index)]);
    return frame(FrameType.HEADERS, WHOLE, id, block);
  };
  await peer.send(next(3, 62));
  assert.deepEqual(seen, ["last"]);
  assert.deepEqual(await peer.send(next(5, 63)), ["goaway 9"]);
});

Deno.test("MAX_TABLE_BYTES bounds the tables of both sides", async () => {
  using peer = openPeer(answer);
  // The client allows 4 GiB, and our encoder uses 4 KiB of it.
  await peer.send(PREFACE, settings([1, 2 ** 32 - 1]));
  for (const id of streamIds(200)) await peer.send(request(id));
  assert.ok(peer.held() < 50_000, `${peer.held()} bytes are held`);
  // A change to 4,097 bytes: RFC 7541, section 6.3.
  const block = Buffer.concat([Buffer.of(0x3f, 0xe2, 0x1f), headerBlock(REQUEST)]);
  assert.deepEqual(await peer.send(frame(FrameType.HEADERS, WHOLE, 401, block)), ["goaway 9"]);
});

// Windows.

const KIB = Buffer.alloc(1024, "k");
/** Answers with so many bytes, and notes how many of its writes have been sent. */
let written = 0;
const answerLarge: Handler = (stream) => {
  written = 0;
  stream.respond({ ":status": 200 });
  const more = () => {
    for (let isSent = true; isSent && written < 1024;) {
      isSent = stream.write(KIB, undefined, () => isSent || more());
      written++;
    }
    if (written === 1024) stream.end();
  };
  more();
};

Deno.test("a client with windows of 0 makes us hold what was written", async () => {
  using peer = openPeer(answerLarge);
  await peer.send(PREFACE, settings([4, 0]));
  assert.deepEqual(await peer.send(request(1)), ["headers 1 200"]);
  assert.equal(written, 1, "writes without the client's permission");
  assert.ok(peer.held() < 50_000, `${peer.held()} bytes are held`);
  // A window of one byte at a time.
  for (let byte = 0; byte < 3000; byte++) {
    assert.deepEqual(await peer.send(windowUpdate(1, 1)), ["data 1 k"]);
  }
  assert.equal(written, 3);
  assert.ok(peer.held() < 50_000, `${peer.held()} bytes are held`);
});

Deno.test("windows that overflow are errors, of a stream or of all", async () => {
  using peer = openPeer(answerLater);
  await peer.send(HELLO, request(1, Flag.END_HEADERS), request(3, Flag.END_HEADERS));
  assert.deepEqual(await peer.send(windowUpdate(1, MAX_WINDOW)), ["reset 1 3"]);
  assert.deepEqual(await peer.send(windowUpdate(3, MAX_WINDOW - limits.DEFAULT_WINDOW)), []);
  assert.deepEqual(await peer.send(settings([4, limits.DEFAULT_WINDOW + 1])), [FLOW]);
  using another = openPeer(answerLater);
  await another.send(HELLO);
  assert.deepEqual(await another.send(windowUpdate(0, MAX_WINDOW)), [FLOW]);
});

Deno.test("a handler that does not read stops its client, at the window of the stream, and no other", async () => {
  using peer = openPeer((stream, headers) =>
    headers["x"] === "slow" ? undefined : answerLater(stream, headers)
  );
  await peer.send(HELLO, request(1, Flag.END_HEADERS, [...REQUEST, ["x", "slow"]]));
  for (let sent = 0; sent < 60_000; sent += 10_000) {
    const events = await peer.send(data(1, Buffer.alloc(10_000)));
    assert.deepEqual(events.filter((event) => !event.startsWith("window 0")), []);
  }
  isBetween(peer.held(), 60_000, 250_000);
  // Others have all of the connection's window.
  for (const id of [3, 5, 7, 9]) {
    await peer.send(request(id, Flag.END_HEADERS));
    for (let n = 0; n < 4; n++) await peer.send(data(id, Buffer.alloc(16_000)));
    assert.ok((await peer.send(data(id, KIB, END))).includes(`headers ${id} 200`));
  }
  // It reads, and the client may send as much more as it is told.
  let read = 0;
  peer.streams[0]!.on("data", (chunk: Buffer) => read += chunk.length);
  peer.streams[0]!.resume();
  const [more] = await peer.send();
  assert.equal(read, 60_000);
  assert.match(more!, /^window 1 \d+$/);
  peer.streams[0]!.pause();
  const left = limits.DEFAULT_WINDOW - read + Number(more!.split(" ")[2]);
  isBetween(left, limits.DEFAULT_WINDOW / 2, limits.DEFAULT_WINDOW);
  for (let sent = 0; sent < left; sent += 5000) {
    await peer.send(data(1, Buffer.alloc(Math.min(5000, left - sent))));
  }
  assert.equal(peer.streams[0]!.closed, false);
  assert.deepEqual(await peer.send(data(1, Buffer.alloc(1))), ["reset 1 3"]);
});

Deno.test("tiny DATA of a stream that is not read costs what it is long", async () => {
  using peer = openPeer(ignore);
  const { DEFAULT_WINDOW } = limits;
  await peer.send(HELLO, request(1, Flag.END_HEADERS));
  for (let sent = 0; sent < DEFAULT_WINDOW; sent += 257) {
    await peer.send(...Array(257).fill(data(1, Buffer.of(1))));
  }
  isBetween(peer.held(), DEFAULT_WINDOW, 3 * DEFAULT_WINDOW);
  assert.deepEqual(await peer.send(data(1, Buffer.of(1))), ["reset 1 3"]);
});

// Streams and frames.

Deno.test("streams beyond what is allowed are refused, the others go on", async () => {
  using peer = openPeer(answerLater, { settings: { maxConcurrentStreams: 3 }, now: () => 0 });
  await peer.send(HELLO, ...[1, 3, 5].map((id) => request(id, Flag.END_HEADERS)));
  assert.deepEqual(await peer.send(request(7), request(9)), ["reset 7 7", "reset 9 7"]);
  assert.deepEqual(await peer.send(data(3, KIB, END)), ["end 3", "headers 3 200"]);
  assert.deepEqual(await peer.send(request(11)), ["end 11", "headers 11 200"]);
  await peer.send(request(13, Flag.END_HEADERS));
  const { events } = await flood(peer, (n) => [request(13 + 2 * n)], 2 * limits.ALLOWANCE);
  assert.ok(events.includes(CALM));
});

Deno.test("MAX_FRAME_BYTES: a larger frame is an error at its first bytes", async () => {
  using peer = openPeer(ignore);
  await peer.send(HELLO, request(1, Flag.END_HEADERS));
  await peer.send(data(1, Buffer.alloc(limits.MAX_FRAME_BYTES)));
  const head = data(1, Buffer.alloc(limits.MAX_FRAME_BYTES + 1)).subarray(0, 9);
  assert.deepEqual(await peer.send(head), ["goaway 6"]);
});

Deno.test("frames may come byte by byte, and hold no more than a frame", async () => {
  using peer = openPeer(answerLater);
  const bytes = Buffer.concat([
    HELLO,
    longHeaders(1, [...REQUEST, ["x", "y".repeat(3000)]], 100).fill(END, 0, 0),
    data(1, KIB, END),
    request(3),
  ]);
  const events: string[] = [];
  let held = 0;
  for (let at = 0; at < bytes.length; at++) {
    events.push(...await peer.send(Buffer.from(bytes.subarray(at, at + 1))));
    held = Math.max(held, peer.held());
  }
  assert.deepEqual(events, ["settings ack", "end 1", "headers 1 200", "end 3", "headers 3 200"]);
  assert.ok(held < 100_000, `${held} bytes are held`);
});

Deno.test("what does not begin as HTTP/2 does ends at its first wrong byte", async () => {
  using peer = openPeer(ignore);
  assert.deepEqual(await peer.send(Buffer.from("PRI * HTTP/2.0\r\n\r\nS")), []);
  assert.deepEqual(await peer.send(Buffer.from("X")), [PROTOCOL]);
});

Deno.test("MAX_PINGS bounds our own PINGs that wait for answers", () => {
  const fake = fakeSocket();
  const session = connect("http://x", { createConnection: () => fake.socket });
  const sent = Array.from({ length: 12 }, () => session.ping(() => {}));
  assert.equal(sent.filter(Boolean).length, limits.MAX_PINGS);
  fake.close();
});

Deno.test("ALLOWANCE ends a flood of informational responses", async () => {
  const fake = fakeSocket();
  const session = connect("http://x", { createConnection: () => fake.socket, now: () => 0 });
  let error: unknown;
  session.on("error", (one: Error) => error = one);
  session.request({ ":method": "GET", ":path": "/" }, { endStream: true });
  await fake.feed(settings());
  for (let n = 0; n < 2 * limits.ALLOWANCE; n++) {
    await fake.feed(headers(1, [[":status", "103"], ["x", "y".repeat(100)]]));
  }
  fake.close();
  assert.match(String(error), /too many frames that lead to nothing/);
});

// Peers that do not read, do not acknowledge, do not close.

/** Timers that go off when they are told to, until they are disposed. */
function fakeTimers(): Disposable & { pass(ms: number): void } {
  const { setTimeout, clearTimeout } = globalThis;
  const timers = new Map<number, { ms: number; callback: () => void }>();
  let last = 0;
  Object.assign(globalThis, {
    setTimeout: (callback: () => void, ms: number) => (timers.set(++last, { ms, callback }), last),
    clearTimeout: (id: number) => timers.delete(id),
  });
  return {
    pass(ms) {
      for (const [id, timer] of timers) {
        if ((timer.ms -= ms) > 0) continue;
        timers.delete(id);
        timer.callback();
      }
    },
    [Symbol.dispose]: () => void Object.assign(globalThis, { setTimeout, clearTimeout }),
  };
}

Deno.test("SETTINGS_ACK_MS: who never acknowledges SETTINGS is left", async () => {
  using timers = fakeTimers();
  using peer = openPeer(ignore, { now: () => 0 });
  await peer.send(HELLO);
  timers.pass(limits.SETTINGS_ACK_MS - 1);
  assert.deepEqual(await peer.send(ping()), ["ping 0000000000000000"]);
  timers.pass(1);
  assert.deepEqual(await peer.send(), ["goaway 4"]);
  assert.ok(peer.fake.isEnded);
});

Deno.test("who acknowledges SETTINGS is not", async () => {
  using timers = fakeTimers();
  using peer = openPeer(ignore, { now: () => 0 });
  await peer.send(HELLO, ACKNOWLEDGEMENT);
  timers.pass(limits.SETTINGS_ACK_MS);
  assert.deepEqual(await peer.send(ping()), ["ping 0000000000000000"]);
});

/** A client with the largest windows that does not read. */
const DEAF = [
  PREFACE,
  settings([4, MAX_WINDOW]),
  ACKNOWLEDGEMENT,
  windowUpdate(0, MAX_WINDOW - limits.DEFAULT_WINDOW),
];

Deno.test("HIGH_WATER_BYTES: for a client that does not read no more is made; STALLED_MS: it is left", async () => {
  using timers = fakeTimers();
  using peer = openPeer(answerLarge, { now: () => 0 });
  const { fake, held } = peer;
  fake.stopReading();
  await fake.feed(Buffer.concat([...DEAF, request(1)]));
  isBetween(written * 1024, limits.HIGH_WATER_BYTES * 0.9, limits.HIGH_WATER_BYTES * 1.1);
  assert.ok(held() < limits.HIGH_WATER_BYTES, `${held()} bytes are held`);
  timers.pass(limits.STALLED_MS - 1);
  // It reads after all, but no more than that.
  const before = fake.take().length;
  await fake.feed(Buffer.alloc(0));
  isBetween(fake.socket.writableLength, before / 2, 2 * before);
  timers.pass(limits.STALLED_MS - 1);
  assert.ok(!fake.socket.destroyed);
  timers.pass(1);
  assert.ok(fake.socket.destroyed);
});

Deno.test("MAX_UNSENT_BYTES: who makes us answer and does not read is cut off", async () => {
  using _timers = fakeTimers();
  using peer = openPeer(answer, { now: () => 0 });
  const { fake } = peer;
  fake.stopReading();
  await fake.feed(Buffer.concat(DEAF));
  let most = 0;
  for (let id = 1; !fake.socket.destroyed && id < 100_000; id += 2) {
    await fake.feed(Buffer.concat([request(id), ...Array(7).fill(ping(id))]));
    most = Math.max(most, fake.socket.writableLength);
  }
  assert.ok(fake.socket.destroyed);
  isBetween(most, limits.MAX_UNSENT_BYTES, limits.MAX_UNSENT_BYTES + 1000);
});

Deno.test("LINGER_MS: who does not close its side is cut off", async () => {
  using timers = fakeTimers();
  using peer = openPeer(ignore, { now: () => 0 });
  await peer.send(HELLO);
  assert.deepEqual(await peer.send(data(0)), [PROTOCOL]);
  assert.ok(peer.fake.isEnded && !peer.fake.socket.destroyed);
  timers.pass(limits.LINGER_MS);
  assert.ok(peer.fake.socket.destroyed);
});

Deno.test("LINGER_MS: it begins when the peer has read what it was sent", async () => {
  using timers = fakeTimers();
  using peer = openPeer(answer, { now: () => 0 });
  const { fake, session } = peer;
  fake.stopReading();
  await fake.feed(Buffer.concat([HELLO, ACKNOWLEDGEMENT, request(1)]));
  session.close();
  await fake.feed(Buffer.alloc(0));
  assert.ok(fake.isEnded);
  timers.pass(limits.STALLED_MS - 1);
  assert.ok(!fake.socket.destroyed);
  fake.take();
  timers.pass(limits.LINGER_MS - 1);
  assert.ok(!fake.socket.destroyed);
  timers.pass(1);
  assert.ok(fake.socket.destroyed);
});
