/** Our server, with a handler that does what that of Go's side does. */
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import type { Headers } from "../../../src/http2/fields.ts";
import { createServer } from "../../../src/http2/http2.ts";
import type { Stream } from "../../../src/http2/stream.ts";
import { heldBytes } from "../../support/held_bytes.ts";
import { readEvents } from "../../support/http2_events.ts";
import { type FakeSocket, fakeSocket } from "../../support/fake_socket.ts";
import type { Choices } from "./seeds.ts";

/** As in go_peer/server_test.go. */
const options = { settings: { maxConcurrentStreams: 8, maxHeaderListSize: 16_384 } };

/** Does what the handler in go_peer/server_test.go does. */
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
    const sum = crc32(all).toString(16).padStart(8, "0");
    answer(
      stream,
      headers,
      `${headers[":method"]} ${path} ${all.length} ${sum} ${headers["x-a"] ?? ""}`,
    );
  });
}

function answer(stream: Stream, headers: Headers, text: string): void {
  const endStream = headers[":method"] === "HEAD";
  stream.respond({ ":status": 200 }, { endStream });
  if (!endStream) stream.end(Buffer.from(text, "latin1"));
}

/** Has a frame come in parts. */
export async function feedInParts(
  fake: FakeSocket,
  frame: Buffer,
  choices: Choices,
): Promise<void> {
  for (let at = 0; at < frame.length;) {
    const part = Buffer.from(frame.subarray(at, at + 1 + choices.below(2 * frame.length)));
    await fake.feed(part);
    at += part.length;
  }
}

/** What eight streams may hold: their windows, put together twice as large, and the largest answers. */
const MOST_HELD = 8 * (2 * 65_535 + 100_000) + 100_000;

/** Opens a connection to our server. */
function open(): { fake: FakeSocket; session: object } {
  const server = createServer(options);
  server.on("stream", handle);
  let session: object | undefined;
  server.on("session", (one: object) => session = one);
  const fake = fakeSocket();
  server.emit("connection", fake.socket);
  return { fake, session: session! };
}

/**
 * What our server sends for each frame; the frames come in parts.
 *
 * @throws {Error} if it holds more in the end than it may
 */
export async function ourEvents(steps: readonly Buffer[], choices: Choices): Promise<string[][]> {
  const { fake, session } = open();
  const reader = readEvents();
  const events: string[][] = [];
  for (const step of steps) {
    await feedInParts(fake, step, choices);
    events.push([...reader.take(fake.take()), ...(fake.isEnded ? ["closed"] : [])]);
    if (fake.isEnded) break;
  }
  const held = heldBytes(session, ["socket"]);
  if (held > MOST_HELD) throw new Error(`the connection holds ${held} bytes`);
  fake.close();
  return events;
}

/** What our server sends for all frames together, which come in pieces of any size. */
export async function eventsOfPieces(pieces: readonly Buffer[]): Promise<string[]> {
  const { fake } = open();
  for (const piece of pieces) await fake.feed(Buffer.from(piece));
  const events = readEvents().take(fake.take());
  fake.close();
  return events.filter((event) => !event.startsWith("window "));
}
