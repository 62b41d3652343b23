/**
 * The table of connections that are odd from their start, each a server of its own: what it says before
 * any call, and how a call has to end.
 */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import {
  Flag,
  frame,
  FrameType,
  goaway,
  MAX_WINDOW,
  ping,
  rstStream,
  settings,
} from "../support/frames.ts";
import type { Greeting } from "../support/http2_server.ts";
import { pause } from "../support/waits.ts";
import type { Expected } from "./table.ts";

/** A row of the table. Calls that get as far are answered. */
interface Start extends Expected {
  readonly greeting: Greeting;
  /** What `check` exits with: 0, 2 without a connection, 3 with one. */
  readonly check?: 0 | 2 | 3;
}

const write = (socket: Socket, ...frames: readonly Uint8Array[]) => {
  if (!socket.destroyed) socket.write(Buffer.concat(frames));
};

const starts: Record<string, Start> = {};

/** @param greeting frames, if it is nothing else */
function row(
  name: string,
  expected: Omit<Start, "greeting">,
  greeting: Greeting | readonly Uint8Array[],
): void {
  starts[name] = {
    ...expected,
    greeting: typeof greeting === "function" ? greeting : (socket) => write(socket, ...greeting),
  };
}

const OK = { code: "OK", check: 0 } as const;
const REFUSED = { code: "UNAVAILABLE", check: 2 } as const;
/** Whether the call or the GOAWAY comes first is not in anybody's hands. */
const EITHER = { code: "UNAVAILABLE", or: "OK" } as const;
const UNSEEN = { go: ["OK", "it does not look"] } as const;
const LATE = { code: "DEADLINE_EXCEEDED", check: 2, late: true } as const;

// GOAWAY at each point of a connection's start.
for (const [last, of] of [[0, "stream 0"], [MAX_WINDOW, "none"]] as const) {
  // The connection is there, and the call on its way, when the GOAWAY is read.
  const go = [
    "UNAVAILABLE or OK or DEADLINE_EXCEEDED",
    "it connects again without a pause",
  ] as const;
  const refused = { code: "UNAVAILABLE", check: 3, go } as const;
  const first = last === 0 ? refused : { ...OK, go };
  row(`GOAWAY of ${of} with the SETTINGS`, first, [settings(), goaway(last)]);
  row(`GOAWAY of ${of} with the SETTINGS, then the end`, refused, (socket) => {
    write(socket, settings(), goaway(last));
    socket.end();
  });
  row(`GOAWAY of ${of} with the SETTINGS, the end later`, first, async (socket) => {
    write(socket, settings(), goaway(last));
    await pause(500);
    socket.end();
  });
  row(`GOAWAY of ${of} with an error and the SETTINGS`, refused, [settings(), goaway(last, 11)]);
  row(`GOAWAY of ${of} before the SETTINGS`, REFUSED, [goaway(last), settings()]);
  for (const ms of [0, 3, 30]) {
    row(`GOAWAY of ${of} ${ms} ms after the SETTINGS`, EITHER, async (socket) => {
      write(socket, settings());
      await pause(ms);
      write(socket, goaway(last));
    });
  }
}

row("SETTINGS in single bytes", OK, async (socket) => {
  for (const byte of settings([3, 100], [4, 65_535])) {
    write(socket, Buffer.of(byte));
    await pause(1);
  }
});
row("SETTINGS ten times", OK, Array(10).fill(settings([3, 100])));
row("SETTINGS that nobody knows", OK, [settings([0x7777, 1], [0xffff, 7])]);
row("SETTINGS and PINGs", OK, [
  settings(),
  ...Array.from({ length: 100 }, (_, at) => ping(at)),
]);
row("no streams allowed", { ...LATE, check: 3 }, [settings([3, 0])]);
row("no window", { ...LATE, check: 3 }, [settings([4, 0])]);
row("a header table of 0", OK, [settings([1, 0])]);
row("a window that is too large", REFUSED, [settings([4, 2 ** 31])]);
row("a frame size that is too small", { ...REFUSED, ...UNSEEN }, [settings([5, 1])]);
row("SETTINGS of five bytes", REFUSED, [
  frame(FrameType.SETTINGS, Flag.NONE, 0, Buffer.alloc(5)),
]);
row("PING before the SETTINGS", REFUSED, [ping(), settings()]);
// What comes with the SETTINGS is read when the call has begun.
row("RST_STREAM of no stream", { code: "CANCELLED", ...UNSEEN }, [settings(), rstStream(1)]);
row("no word", LATE, () => false);
row("the end at once", REFUSED, (socket) => {
  socket.end();
  return false;
});
row("a reset at once", REFUSED, (socket) => {
  socket.resetAndDestroy();
  return false;
});
row("the end after SETTINGS", EITHER, (socket) => {
  socket.end(settings());
  return false;
});
row("a reset after SETTINGS", EITHER, (socket) => {
  write(socket, settings());
  setTimeout(() => socket.resetAndDestroy(), 5);
});
row("anything", REFUSED, (socket) => {
  write(socket, Buffer.from("x".repeat(1_000)));
  return false;
});
row("a TLS alert", { ...LATE, says: /the server speaks TLS/ }, (socket) => {
  write(socket, Buffer.of(21, 3, 1, 0, 2, 2, 10));
  return false;
});

const HTTP1 = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 4\r\n";
row("HTTP/1.1, then the end", REFUSED, (socket) => {
  socket.once("data", () => socket.end(`${HTTP1}Connection: close\r\n\r\nodd\n`));
  return false;
});
row("HTTP/1.1", REFUSED, (socket) => {
  socket.once("data", () => socket.write(`${HTTP1}\r\nodd\n`));
  return false;
});

/** The table. */
export const greetings: Readonly<Record<string, Start>> = starts;
