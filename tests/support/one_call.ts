/**
 * A client that opens a connection, makes one call and closes it, in raw frames: nothing is tried
 * again, so whatever the server loses is seen.
 */
import { Buffer } from "node:buffer";
import { connect } from "node:net";

/** How a call over its own connection ended. */
export type OneCall = "answered" | "refused" | "lost" | "hanging";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA = 0, HEADERS = 1, SETTINGS = 4;
const END_STREAM = 1, END_HEADERS = 4;

/** One frame; every number in it is small. */
function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  return Buffer.concat([
    Buffer.from([0, 0, payload.length, type, flags, 0, 0, 0, stream]),
    payload,
  ]);
}

/** HPACK: a literal header field, neither indexed nor compressed (RFC 7541, section 6.2.2). */
function header(name: string, value: string): Buffer {
  return Buffer.concat([
    Buffer.from([0, name.length]),
    Buffer.from(name),
    Buffer.from([value.length]),
    Buffer.from(value),
  ]);
}

const CALL = Buffer.concat([
  Buffer.from(PREFACE),
  frame(SETTINGS, 0, 0, Buffer.alloc(0)),
  frame(
    HEADERS,
    END_HEADERS,
    1,
    Buffer.concat([
      header(":method", "POST"),
      header(":scheme", "http"),
      header(":path", "/userservice.UserService/GetUser"),
      header(":authority", "localhost"),
      header("content-type", "application/grpc"),
      header("te", "trailers"),
    ]),
  ),
  // A gRPC message: not compressed, three bytes, field 1 is "A".
  frame(DATA, END_STREAM, 1, Buffer.from([0, 0, 0, 0, 3, 10, 1, 65])),
]);

/** Whether what has come holds the message of an answer and the end of its stream. */
function isAnswered(bytes: Buffer): boolean {
  let message = false;
  for (let at = 0; bytes.length >= at + 9;) {
    const length = bytes.readUIntBE(at, 3);
    if (bytes.length < at + 9 + length) return false;
    const type = bytes[at + 3]!;
    if (type === DATA) message = true;
    if (type === HEADERS && (bytes[at + 4]! & END_STREAM) !== 0) return message;
    at += 9 + length;
  }
  return false;
}

/**
 * Makes one call.
 *
 * @param maxMs how long until it counts as hanging, in milliseconds
 */
export function oneCall(port: number, maxMs = 10_000): Promise<OneCall> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    let come = Buffer.alloc(0);
    const end = (how: OneCall) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(how);
    };
    const timer = setTimeout(() => end("hanging"), maxMs);
    socket.on("connect", () => socket.write(CALL));
    socket.on("data", (chunk: Uint8Array) => {
      come = Buffer.concat([come, chunk]);
      if (isAnswered(come)) end("answered");
    });
    socket.on("error", (error) => {
      end((error as { code?: string }).code === "ECONNREFUSED" ? "refused" : "lost");
    });
    socket.on("close", () => end("lost"));
  });
}

/** How many calls ended in each way. */
export type Tally = Record<OneCall, number>;

/** Opens so many connections per second, one call each, until told to stop. */
export function oneCallEach(port: number, perSecond: number): { stop(): Promise<Tally> } {
  const tally: Tally = { answered: 0, refused: 0, lost: 0, hanging: 0 };
  const calls: Promise<void>[] = [];
  const start = performance.now();
  const timer = setInterval(() => {
    const due = (performance.now() - start) / 1_000 * perSecond;
    while (calls.length < due) calls.push(oneCall(port).then((how) => void tally[how]++));
  }, 5);
  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(calls);
      return tally;
    },
  };
}
