/** Connections that are odd from their start; calls that get as far are answered. */
import { Buffer } from "node:buffer";
import type { Socket } from "node:net";
import { SETTINGS } from "../http2/frames.ts";
import { type Case, type Ending, pause } from "./case.ts";
import type { Answer, Greeting } from "./connection.ts";
import {
  answer as answerFrames,
  frame,
  goaway,
  MAX_WINDOW,
  ping,
  rstStream,
  settings,
} from "./frames.ts";

const write = (socket: Socket, ...frames: readonly Uint8Array[]) => {
  if (!socket.destroyed) socket.write(Buffer.concat(frames));
};

/** @param greeting frames, if it is nothing else */
function start(
  name: string,
  does: string,
  mayEnd: Ending | readonly Ending[],
  section: string,
  greeting: Greeting | readonly Uint8Array[],
  answer: Answer = ({ stream, hello, send }) => send(answerFrames(stream, hello)),
): Case {
  return {
    ...{ name, does, section },
    group: name.includes("goaway") ? "GOAWAY" : "Starts of the connection",
    mayEnd: typeof mayEnd === "string" ? [mayEnd] : mayEnd,
    isCommitted: false,
    greeting: typeof greeting === "function" ? greeting : (socket) => write(socket, ...greeting),
    answer,
  };
}

/** Whether the call or the frame comes first is not in anybody's hands. */
const RACE: readonly Ending[] = ["OK", "FAILURE"];

const UNHEARD: readonly Ending[] = ["UNAVAILABLE", "DEADLINE_EXCEEDED"];

/** GOAWAY at each point of a connection's start. */
function goaways(last: number, of: string, words: string): Case[] {
  // Of what comes with the SETTINGS a client knows before it has a stream, or its call is not taken.
  const [first, answer]: [readonly Ending[], Answer | undefined] = last === 0
    ? [UNHEARD, () => {}]
    : [RACE, undefined];
  const one = (name: string, when: string, mayEnd: readonly Ending[], greeting: Start) =>
    start(
      `${of}-${name}`,
      `The server says with GOAWAY that ${words}, ${when}.`,
      mayEnd,
      "RFC 9113, 6.8",
      greeting,
      mayEnd === first ? answer : undefined,
    );
  const behind = "right behind its SETTINGS";
  return [
    one("with-settings", behind, first, [settings(), goaway(last)]),
    one("with-settings-then-close", `${behind}, and closes`, UNHEARD, (socket) => {
      write(socket, settings(), goaway(last));
      socket.end();
    }),
    one(
      "with-settings-close-later",
      `${behind}, and closes 500 ms later`,
      first,
      (socket) => {
        write(socket, settings(), goaway(last));
        setTimeout(() => socket.end(), 500);
      },
    ),
    one("error-with-settings", `with an error, ${behind}`, first, [settings(), goaway(last, 11)]),
    one("before-settings", "before its SETTINGS", ["FAILURE"], [goaway(last), settings()]),
    ...[0, 3, 30].map((ms) =>
      one(`${ms}-ms-after-settings`, `${ms} ms after its SETTINGS`, [...RACE], (socket) => {
        write(socket, settings());
        setTimeout(() => write(socket, goaway(last)), ms);
      })
    ),
  ];
}

type Start = Greeting | readonly Uint8Array[];

const PREFACE = "RFC 9113, 3.4";
const SETTINGS_VALUES = "RFC 9113, 6.5.2";

function allSettings(): Case[] {
  const one = (
    name: string,
    does: string,
    mayEnd: Ending | readonly Ending[],
    greeting: Start,
    section = SETTINGS_VALUES,
  ) => start(name, `The server ${does}.`, mayEnd, section, greeting);
  return [
    one("settings-in-single-bytes", "sends its SETTINGS byte by byte", "OK", async (socket) => {
      for (const byte of settings([3, 100], [4, 65_535])) {
        write(socket, Buffer.of(byte));
        await pause(1);
      }
    }, PREFACE),
    one("settings-ten-times", "sends SETTINGS ten times", "OK", Array(10).fill(settings([3, 100]))),
    one("settings-unknown", "sends SETTINGS that nobody knows", "OK", [
      settings([0x7777, 1], [0xffff, 7]),
    ]),
    one("settings-and-pings", "sends SETTINGS and a hundred PINGs", "OK", [
      settings(),
      ...Array.from({ length: 100 }, (_, at) => ping(at)),
    ], "RFC 9113, 6.7"),
    one("max_streams", "allows one stream at a time", "OK", [settings([3, 1])], "RFC 9113, 5.1.2"),
    // A client need not wait for them: RFC 9113, section 3.4.
    one("no-streams", "allows no stream", ["OK", ...UNHEARD], [
      settings([3, 0]),
    ], "RFC 9113, 5.1.2"),
    one("no-window", "gives streams no window", ["OK", "DEADLINE_EXCEEDED"], [settings([4, 0])]),
    one("no-header-table", "wants a header table of 0 bytes", "OK", [settings([1, 0])]),
    one("window-too-large", "wants a larger window than there is", "FAILURE", [
      settings([4, 2 ** 31]),
    ]),
    one("frame-size-too-small", "wants frames of one byte at most", "FAILURE", [settings([5, 1])]),
    one("settings-cut", "begins with SETTINGS of five bytes", "FAILURE", [
      frame(SETTINGS, 0, 0, Buffer.alloc(5)),
    ], "RFC 9113, 6.5"),
    one(
      "ping-before-settings",
      "begins with a PING",
      "FAILURE",
      [ping(), settings()],
      PREFACE,
    ),
    // What comes with the SETTINGS is read when the call has begun, or before.
    one("rst-with-settings", "resets stream 1 right behind its SETTINGS", RACE, [
      settings(),
      rstStream(1),
    ], "RFC 9113, 6.4"),
  ];
}

const HTTP1 = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 4\r\n";

function noHttp2(): Case[] {
  const one = (name: string, does: string, mayEnd: readonly Ending[], greeting: Greeting) =>
    start(
      name,
      `The server ${does}.`,
      mayEnd,
      "gRPC's statuscodes.md, connection breaks",
      greeting,
    );
  return [
    one("no-word", "accepts the connection and sends nothing", UNHEARD, () => false),
    one("close-at-once", "closes the connection at once", UNHEARD, (socket) => {
      socket.end();
      return false;
    }),
    one("reset-at-once", "resets the connection at once (RST of TCP)", UNHEARD, (socket) => {
      socket.resetAndDestroy();
      return false;
    }),
    one("close-after-settings", "closes the connection behind its SETTINGS", UNHEARD, (socket) => {
      write(socket, settings());
      socket.end();
      return false;
    }),
    one("reset-after-settings", "resets the connection 5 ms after its SETTINGS", RACE, (socket) => {
      write(socket, settings());
      setTimeout(() => socket.resetAndDestroy(), 5);
    }),
    one("text", "sends a thousand times the letter x", ["FAILURE"], (socket) => {
      write(socket, Buffer.from("x".repeat(1_000)));
      return false;
    }),
    one("tls-alert", "answers as a server of TLS does", ["FAILURE"], (socket) => {
      write(socket, Buffer.of(21, 3, 1, 0, 2, 2, 10));
      return false;
    }),
    one("http-1-then-close", "answers in HTTP/1.1, and closes", ["FAILURE"], (socket) => {
      socket.once("data", () => {
        socket.write(`${HTTP1}Connection: close\r\n\r\nodd\n`);
        socket.end();
      });
      return false;
    }),
    one("http-1", "answers in HTTP/1.1", ["FAILURE"], (socket) => {
      socket.once("data", () => socket.write(`${HTTP1}\r\nodd\n`));
      return false;
    }),
  ];
}

/** The table. */
export const startCases: readonly Case[] = [
  ...goaways(0, "start-goaway", "it takes no stream"),
  ...goaways(MAX_WINDOW, "start-goaway-of-all", "it will shut down"),
  ...allSettings(),
  ...noHttp2(),
];
