/** Our server and our client, which do what those of Go's side do: server_test.go and client_test.go of tests/go/http2_peer. */
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import type { Headers } from "../../../src/http2/fields.ts";
import { connect, createServer } from "../../../src/http2/http2.ts";
import type { Session } from "../../../src/http2/session.ts";
import type { Stream } from "../../../src/http2/stream.ts";
import { type FakeSocket, fakeSocket } from "../../support/fake_socket.ts";
import { heldBytes } from "../../support/held_bytes.ts";
import { type Events, readEvents } from "../../support/http2_events.ts";
import type { Choices } from "./seeds.ts";

/** As Go prints it. */
const sumOf = (bytes: Buffer) => crc32(bytes).toString(16).padStart(8, "0");

/** One side of a connection. */
interface Side {
  readonly fake: FakeSocket;
  readonly session: Session;
  /** What it may hold in the end, in bytes. */
  readonly most: number;
}

/**
 * What a side does at each frame.
 *
 * @param step is called before each
 * @param more returns what it has done besides sending
 * @throws {Error} if it holds more in the end than it may
 */
async function eventsOf(
  { fake, session, most }: Side,
  steps: readonly Buffer[],
  choices: Choices,
  step: (frame: Buffer) => void = () => {},
  more: () => Events = () => [],
): Promise<Events[]> {
  const reader = readEvents();
  const events: Events[] = [];
  for (const frame of steps) {
    step(frame);
    await feedInParts(fake, frame, choices);
    events.push([...reader.take(fake.take()), ...more(), ...(fake.isEnded ? ["closed"] : [])]);
    if (fake.isEnded) break;
  }
  const held = heldBytes(session, ["socket"]);
  if (held > most) throw new Error(`the connection holds ${held} bytes`);
  fake.close();
  return events;
}

async function feedInParts(fake: FakeSocket, frame: Buffer, choices: Choices): Promise<void> {
  for (let at = 0; at < frame.length;) {
    const part = Buffer.from(frame.subarray(at, at + 1 + choices.below(2 * frame.length)));
    await fake.feed(part);
    at += part.length;
  }
}

// The server.

/** Does what `handle` does. */
function handle(stream: Stream, headers: Headers): void {
  const path = headers[":path"];
  if (path === "/hold") return;
  if (path === "/early") return answer(stream, headers, "early");
  if (path === "/abort") return stream.close(2);
  const body: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => body.push(chunk));
  stream.on("end", () => {
    if (path === "/big") return answer(stream, headers, "x".repeat(100_000));
    const all = Buffer.concat(body);
    const text = `${headers[":method"]} ${path} ${all.length} ${sumOf(all)} ${
      [headers["x-a"] ?? ""].flat().join(", ")
    }`;
    answer(stream, headers, text);
  });
}

function answer(stream: Stream, headers: Headers, text: string): void {
  const endStream = headers[":method"] === "HEAD";
  stream.respond({ ":status": 200 }, { endStream });
  if (!endStream) stream.end(Buffer.from(text, "latin1"));
}

/** A connection to our server. */
function openServer(): Side {
  const server = createServer({ settings: { maxConcurrentStreams: 8, maxHeaderListSize: 16_384 } });
  server.on("stream", handle);
  let session: Session | undefined;
  server.on("session", (one: Session) => session = one);
  const fake = fakeSocket();
  server.emit("connection", fake.socket);
  // Eight streams hold their windows, put together twice as large, and the largest answers.
  return { fake, session: session!, most: 8 * (2 * 65_535 + 100_000) + 100_000 };
}

/** What our server sends for each frame; the frames come in parts. */
export function serverEvents(steps: readonly Buffer[], choices: Choices): Promise<Events[]> {
  return eventsOf(openServer(), steps, choices);
}

/** What our server sends for all frames together, which come in pieces of any size. */
export async function eventsOfPieces(pieces: readonly Buffer[]): Promise<Events> {
  const { fake } = openServer();
  for (const piece of pieces) await fake.feed(Buffer.from(piece));
  const events = readEvents().take(fake.take());
  fake.close();
  return events.filter((event) => !event.startsWith("window "));
}

// The client.

/** How much each request sends, in the order in which they begin; those after them nothing. */
const REQUEST_BYTES = [0, 5, 100_000];

/** Go's windows, so that both sides get as much. */
const STREAM_WINDOW = 4 << 20, CONNECTION_WINDOW = (1 << 30) + 65_535;

/** Begins a request; `onEnd` is told once what became of it, as `call` says it. */
function begin(session: Session, number: number, onEnd: (outcome: string) => void): void {
  const bytes = REQUEST_BYTES[number] ?? 0;
  let status: unknown, trailer: unknown = "", isOver = false;
  const body: Buffer[] = [];
  const end = (outcome: string) => {
    if (!isOver) onEnd(outcome);
    isOver = true;
  };
  if (session.closed || session.destroyed) return end(`failed ${number}`);
  const stream = session.request(
    {
      ":method": bytes > 0 ? "POST" : "GET",
      ":path": `/${number}`,
      ":authority": "x",
      ...bytes > 0 ? { "content-length": bytes } : {},
    },
    { endStream: bytes === 0 },
  );
  stream.on("response", (headers: Headers) => void (status = headers[":status"]));
  stream.on("trailers", (headers: Headers) => void (trailer = headers["x-trailer"] ?? ""));
  stream.on("data", (chunk: Buffer) => body.push(Buffer.from(chunk)));
  stream.on("error", () => end(`failed ${number}`));
  stream.on("end", () => {
    const all = Buffer.concat(body);
    end(`answer ${number}: ${status}, ${all.length} bytes ${sumOf(all)}, ${trailer}`);
  });
  stream.on("close", () => end(`failed ${number}`));
  if (bytes > 0) stream.end(Buffer.alloc(bytes, "b"));
}

/**
 * What our client sends for each frame, and what became of its requests; the frames come in parts.
 *
 * @param steps a frame without bytes begins another request
 * @throws {Error} if a request has not ended when the connection is gone
 */
export async function clientEvents(
  steps: readonly Buffer[],
  choices: Choices,
): Promise<Events[]> {
  const fake = fakeSocket();
  const session = connect("http://x", {
    createConnection: () => fake.socket,
    settings: { initialWindowSize: STREAM_WINDOW, maxHeaderListSize: 16_384 },
  });
  session.setLocalWindowSize(CONNECTION_WINDOW);
  session.on("error", () => {});
  let requests = 0;
  let ended: string[] = [];
  const open = new Set<number>();
  const next = () => {
    const number = requests++;
    open.add(number);
    begin(session, number, (outcome) => {
      open.delete(number);
      ended.push(outcome);
    });
  };
  REQUEST_BYTES.forEach(next);
  const endedNow = () => {
    const now = ended;
    ended = [];
    return now;
  };
  // It holds the largest request, and tables, frames and what else there is.
  const events = await eventsOf(
    { fake, session, most: 300_000 },
    steps,
    choices,
    ({ length }) => length === 0 && next(),
    endedNow,
  );
  await fake.feed(Buffer.alloc(0));
  if (open.size > 0) throw new Error(`requests ${[...open]} hang when the connection is gone`);
  return events;
}
