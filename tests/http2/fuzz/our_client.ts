/** Our client, with requests like those of Go's side. */
import { Buffer } from "node:buffer";
import { crc32 } from "node:zlib";
import { connect } from "../../../src/http2/http2.ts";
import type { Headers } from "../../../src/http2/fields.ts";
import type { Session } from "../../../src/http2/session.ts";
import { heldBytes } from "../../support/held_bytes.ts";
import { readEvents } from "../../support/http2_events.ts";
import { fakeSocket } from "../../support/fake_socket.ts";
import { feedInParts } from "./our_server.ts";
import type { Choices } from "./seeds.ts";

/** As in go_peer/client_test.go. */
const REQUEST_BYTES = [0, 5, 100_000];

/** Go's windows, so that both sides get as much. */
const STREAM_WINDOW = 4 << 20, CONNECTION_WINDOW = (1 << 30) + 65_535;

/** The largest request, and tables, frames and what else there is. */
const MOST_HELD = 300_000;

/** Begins a request; `onEnd` is told once what became of it, as call in go_peer/client_test.go says it. */
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
    const sum = crc32(all).toString(16).padStart(8, "0");
    end(`answer ${number}: ${status}, ${all.length} bytes ${sum}, ${trailer}`);
  });
  stream.on("close", () => end(`failed ${number}`));
  if (bytes > 0) stream.end(Buffer.alloc(bytes, "b"));
}

/**
 * What our client sends for each frame, and what became of its requests; the frames come in parts.
 *
 * @param steps a frame without bytes begins another request
 * @throws {Error} if it holds more in the end than it may, or a request has not ended when the
 * connection is gone
 */
export async function clientEvents(
  steps: readonly Buffer[],
  choices: Choices,
): Promise<string[][]> {
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
  const reader = readEvents();
  const events: string[][] = [];
  for (const step of steps) {
    if (step.length === 0) next();
    await feedInParts(fake, step, choices);
    const now = [...reader.take(fake.take()), ...ended, ...(fake.isEnded ? ["closed"] : [])];
    ended = [];
    events.push(now);
    if (fake.isEnded) break;
  }
  const held = heldBytes(session, ["socket"]);
  if (held > MOST_HELD) throw new Error(`the connection holds ${held} bytes`);
  fake.close();
  await fake.feed(Buffer.alloc(0));
  if (open.size > 0) throw new Error(`requests ${[...open]} hang when the connection is gone`);
  return events;
}
