/**
 * The table of answers that break the connection, or that come while it ends. Calls that share the
 * connection would fail with them: these are made one after another.
 */
import { Buffer } from "node:buffer";
import type { StatusName } from "../../src/contract/status_codes.ts";
import {
  answer,
  begin,
  data,
  end,
  Flag,
  frame,
  FrameType,
  goaway,
  headers,
  MAX_WINDOW,
  message,
  ping,
  rstStream,
  settings,
  windowUpdate,
} from "../support/frames.ts";
import type { Asked } from "../support/http2_server.ts";
import { pause } from "../support/waits.ts";
import { type Expected, type Frames, helloOf, type Rows, type Table, tableOf } from "./table.ts";

type Written = Record<string, Rows[string]>;

/** The answer as far as one of its bytes, and then the end of the connection. */
function cuts(): Rows {
  const rows: Written = {};
  const { length } = answer(1);
  for (let at = 0; at <= length; at++) {
    const cut: Frames = (id, hello) => {
      const whole = answer(id, hello);
      // A shorter message ends sooner.
      return [at === length ? whole : whole.subarray(0, Math.min(at, whole.length - 1))];
    };
    rows[`closed at byte ${at}`] = [at === length ? "OK" : "UNAVAILABLE", cut, "end"];
    if (at % 10 === 0) rows[`reset at byte ${at}`] = ["UNAVAILABLE", cut, "reset"];
  }
  return rows;
}

/** A GOAWAY at each point of an answer. */
function goaways(): Rows {
  const rows: Written = {};
  for (
    const [of, told] of [
      ["of this", (id: number) => goaway(id)],
      ["of none", () => goaway(MAX_WINDOW)],
    ] as const
  ) {
    const points: Readonly<Record<string, Frames>> = {
      ", then the answer": (id, hello) => [told(id), answer(id, hello)],
      " after headers": (id, hello) => [begin(id), told(id), message(id, hello), end(id, "0")],
      " before the trailers": (
        id,
        hello,
      ) => [begin(id), message(id, hello), told(id), end(id, "0")],
      " after the answer": (id, hello) => [answer(id, hello), told(id)],
    };
    for (const [point, frames] of Object.entries(points)) {
      rows[`GOAWAY ${of}${point}`] = ["OK", frames];
    }
    rows[`GOAWAY ${of}, then the end`] = ["UNAVAILABLE", (id) => [told(id)], "end"];
  }
  rows["GOAWAY of stream 0"] = ["UNAVAILABLE", () => [goaway(0)]];
  rows["GOAWAY of stream 0, then the end"] = ["UNAVAILABLE", () => [goaway(0)], "end"];
  for (let code = 1; code <= 14; code++) {
    rows[`GOAWAY with the error ${code}`] = ["UNAVAILABLE", () => [goaway(0, code)], "end"];
    rows[`GOAWAY of this with the error ${code}`] = [
      "UNAVAILABLE",
      (id) => [goaway(id, code)],
      "end",
    ];
  }
  return rows;
}

/** Frames that are wrong, or not for a client; the answer would follow. */
function wrongFrames(): Rows {
  const bytes = (length: number) => Buffer.alloc(length);
  const unseen: Expected = { code: "UNAVAILABLE", go: ["OK", "it does not look"] };
  type Wrong = readonly [make: (id: number) => Uint8Array, expected?: StatusName | Expected];
  const wrong: Readonly<Record<string, Wrong>> = {
    "DATA of stream 0": [() => data(0, bytes(1))],
    "DATA of a stream that is not open": [() => data(99, bytes(1)), unseen],
    "HEADERS of a stream that is not open": [() => begin(99), unseen],
    "HEADERS of an even stream": [() => begin(2), unseen],
    "a header block that is none": [
      (id) => frame(FrameType.HEADERS, Flag.END_HEADERS, id, Buffer.of(0x80)),
    ],
    "a frame larger than allowed": [(id) => data(id, bytes(20_000))],
    "a frame of 16 MB": [() => Buffer.from("ffffff000000000001", "hex")],
    // We have said that nothing is to be pushed (RFC 9113, section 8.4).
    "PUSH_PROMISE": [
      (id) => frame(FrameType.PUSH_PROMISE, Flag.END_HEADERS, id, Buffer.of(0, 0, 0, 2, 0x82)),
      unseen,
    ],
    "WINDOW_UPDATE of 0": [() => windowUpdate(0, 0)],
    "WINDOW_UPDATE beyond the largest": [() => windowUpdate(0, MAX_WINDOW), unseen],
    "SETTINGS of five bytes": [() => frame(FrameType.SETTINGS, 0, 0, bytes(5))],
    "SETTINGS of a stream": [(id) => frame(FrameType.SETTINGS, 0, id, bytes(0))],
    "SETTINGS with a wrong frame size": [() => settings([5, 1]), unseen],
    "PING of seven bytes": [() => frame(FrameType.PING, 0, 0, bytes(7))],
    "a CONTINUATION of nothing": [(id) => frame(FrameType.CONTINUATION, Flag.END_HEADERS, id)],
    "HEADERS that nothing continues": [
      (id) => Buffer.concat([headers(id, [[":status", "200"]], 0), ping()]),
    ],
    "padding longer than its frame": [(id) => frame(FrameType.DATA, 8, id, Buffer.of(9, 1))],
    "more data than the window": [
      (id) => Buffer.concat([begin(id), ...Array(6).fill(data(id, bytes(16_384)))]),
      "INTERNAL",
    ],
    "RST_STREAM of a stream that is not open": [() => rstStream(99), unseen],
    "HTTP/1.1": [() => Buffer.from("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")],
    "anything": [() => Buffer.from("x".repeat(1_000))],
  };
  return Object.fromEntries(
    Object.entries(wrong).map(([name, [make, expected = "UNAVAILABLE"]]) => [name, [
      expected,
      (id, hello) => [make(id), answer(id, hello)],
    ]]),
  );
}

/** Frames that are right, in numbers that are not: nghttp2 takes ten thousand for an attack. */
function floods(): Rows {
  const attack: Expected = { code: "UNAVAILABLE", go: ["OK", "it takes any number"] };
  const rows: Written = {};
  for (
    const [name, one, expected] of [
      ["PINGs", ping(), attack],
      ["answers to no PING", ping(0, Flag.ACK), attack],
      ["SETTINGS", settings(), attack],
      ["WINDOW_UPDATEs", windowUpdate(0, 1), "OK"],
      ["frames of an unknown type", frame(0xfe, 0xff, 1, Buffer.alloc(9)), attack],
    ] as const
  ) {
    const flood = (count: number): Frames => (id, hello) => [
      Buffer.alloc(count * one.length, one),
      answer(id, hello),
    ];
    rows[`10,000 ${name}`] = [expected, flood(10_000)];
    if (name !== "answers to no PING") rows[`100 ${name}`] = ["OK", flood(100)];
  }
  return rows;
}

/** An RST_STREAM, and the end of the connection in the same packet. */
function resets(): Rows {
  const codes = [[7, "UNAVAILABLE"], [8, "CANCELLED"], [11, "RESOURCE_EXHAUSTED"]] as const;
  return Object.fromEntries(
    codes.map(([code, name]) => [
      `reset ${code}, then the end`,
      [name, (id) => [rstStream(id, code)], "end"],
    ]),
  );
}

const answerTo = (call: Asked) => answer(call.stream, helloOf(call));

/** An answer that comes in more than one packet. */
function late(): Table {
  const later = (goaway: Uint8Array) => async (call: Asked) => {
    call.send(goaway);
    await pause(50);
    call.send(answerTo(call));
  };
  return {
    "in single bytes": { code: "OK", answer: (call) => call.sendInParts(answerTo(call), 1) },
    "in sevens": { code: "OK", answer: (call) => call.sendInParts(answerTo(call), 7) },
    "GOAWAY of this, then later the answer": {
      code: "OK",
      answer: (call) => later(goaway(call.stream))(call),
    },
    "GOAWAY of none, then later the answer": { code: "OK", answer: later(goaway(MAX_WINDOW)) },
  };
}

/** The table. */
export const breaks: Table = {
  ...late(),
  ...tableOf({ ...cuts(), ...goaways(), ...resets(), ...wrongFrames(), ...floods() }),
};
