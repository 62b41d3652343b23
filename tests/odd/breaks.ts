/**
 * The table of answers that break the connection, or that come while it ends, by username. Calls that
 * share the connection would fail with them: these are made one after another.
 */
import { Buffer } from "node:buffer";
import {
  answer,
  begin,
  data,
  end,
  Flag,
  frame,
  FrameType,
  goaway,
  GREETING,
  headers,
  MAX_WINDOW,
  message,
  ping,
  rstStream,
  SERVING,
  settings,
  windowUpdate,
} from "../support/frames.ts";
import { pause } from "../support/waits.ts";
import type { Expected, Row } from "./answers.ts";
import type { Answer, Asked } from "../support/http2_server.ts";

type Rows = Record<string, Row>;

const UNAVAILABLE: Expected = { code: "UNAVAILABLE" };
const OK: Expected = { code: "OK" };

const helloOf = ({ health }: Asked) => health ? SERVING : GREETING;
const answerTo = (call: Asked) => answer(call.stream, helloOf(call));
const row = (expected: Expected, answer: Answer): Row => ({ ...expected, answer });

/** The answer as far as one of its bytes, and then the end of the connection. */
function cuts(): Rows {
  const rows: Rows = {};
  const { length } = answer(1);
  for (let at = 0; at <= length; at++) {
    // A shorter message ends sooner.
    const expected = at === length ? OK : UNAVAILABLE;
    rows[`closed at byte ${at}`] = row(expected, (call) => {
      call.send(cutAt(call, at, length));
      call.socket.end();
    });
    if (at % 10 !== 0) continue;
    rows[`reset at byte ${at}`] = row(UNAVAILABLE, (call) => {
      call.send(cutAt(call, at, length));
      call.socket.resetAndDestroy();
    });
  }
  return rows;
}

function cutAt(call: Asked, at: number, length: number): Uint8Array {
  const whole = answerTo(call);
  return at === length ? whole : whole.subarray(0, Math.min(at, whole.length - 1));
}

function parts(): Rows {
  return {
    "in single bytes": row(OK, (call) => call.sendInParts(answerTo(call), 1)),
    "in sevens": row(OK, (call) => call.sendInParts(answerTo(call), 7)),
  };
}

/** A GOAWAY at each point of an answer. */
function goaways(): Rows {
  const rows: Rows = {};
  for (
    const [last, name] of [[(id: number) => id, "of this"], [() => MAX_WINDOW, "of none"]] as const
  ) {
    rows[`GOAWAY ${name}, then the answer`] = row(OK, (call) => {
      call.send(goaway(last(call.stream)), answerTo(call));
    });
    rows[`GOAWAY ${name}, then later the answer`] = row(OK, async (call) => {
      call.send(goaway(last(call.stream)));
      await pause(50);
      call.send(answerTo(call));
    });
    rows[`GOAWAY ${name} after headers`] = row(OK, (call) => {
      call.send(
        begin(call.stream),
        goaway(last(call.stream)),
        message(call.stream, helloOf(call)),
        end(call.stream, "0"),
      );
    });
    rows[`GOAWAY ${name} before the trailers`] = row(OK, (call) => {
      call.send(
        begin(call.stream),
        message(call.stream, helloOf(call)),
        goaway(last(call.stream)),
        end(call.stream, "0"),
      );
    });
    rows[`GOAWAY ${name} after the answer`] = row(OK, (call) => {
      call.send(answerTo(call), goaway(last(call.stream)));
    });
    rows[`GOAWAY ${name}, then the end`] = row(UNAVAILABLE, (call) => {
      call.send(goaway(last(call.stream)));
      call.socket.end();
    });
  }
  rows["GOAWAY of stream 0"] = row(UNAVAILABLE, (call) => call.send(goaway(0)));
  rows["GOAWAY of stream 0, then the end"] = row(UNAVAILABLE, (call) => {
    call.send(goaway(0));
    call.socket.end();
  });
  for (let code = 1; code <= 14; code++) {
    rows[`GOAWAY with the error ${code}`] = row(UNAVAILABLE, (call) => {
      call.send(goaway(0, code));
      call.socket.end();
    });
    rows[`GOAWAY of this with the error ${code}`] = row(UNAVAILABLE, (call) => {
      call.send(goaway(call.stream, code));
      call.socket.end();
    });
  }
  return rows;
}

/** Frames that are wrong, or not for a client; the answer would follow. */
function frames(): Rows {
  const bytes = (length: number) => Buffer.alloc(length);
  const wrong: Record<string, (id: number) => Uint8Array> = {
    "DATA of stream 0": () => data(0, bytes(1)),
    "DATA of a stream that is not open": () => data(99, bytes(1)),
    "HEADERS of a stream that is not open": () => begin(99),
    "HEADERS of an even stream": () => begin(2),
    "a header block that is none": (id) =>
      frame(FrameType.HEADERS, Flag.END_HEADERS, id, Buffer.of(0x80)),
    "a frame larger than allowed": (id) => data(id, bytes(20_000)),
    "a frame of 16 MB": () => Buffer.from("ffffff000000000001", "hex"),
    "PUSH_PROMISE": (id) =>
      frame(FrameType.PUSH_PROMISE, Flag.END_HEADERS, id, Buffer.of(0, 0, 0, 2, 0x82)),
    "WINDOW_UPDATE of 0": () => windowUpdate(0, 0),
    "WINDOW_UPDATE beyond the largest": () => windowUpdate(0, MAX_WINDOW),
    "SETTINGS of five bytes": () => frame(FrameType.SETTINGS, 0, 0, bytes(5)),
    "SETTINGS of a stream": (id) => frame(FrameType.SETTINGS, 0, id, bytes(0)),
    "SETTINGS with a wrong frame size": () => settings([5, 1]),
    "PING of seven bytes": () => frame(FrameType.PING, 0, 0, bytes(7)),
    "a CONTINUATION of nothing": (id) => frame(FrameType.CONTINUATION, Flag.END_HEADERS, id),
    "HEADERS that nothing continues": (id) =>
      Buffer.concat([headers(id, [[":status", "200"]], 0), ping()]),
    "padding longer than its frame": (id) => frame(FrameType.DATA, 8, id, Buffer.of(9, 1)),
    "more data than the window": (id) =>
      Buffer.concat([begin(id), ...Array.from({ length: 6 }, () => data(id, bytes(16_384)))]),
    "RST_STREAM of a stream that is not open": () => rstStream(99),
    "HTTP/1.1": () => Buffer.from("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n"),
    "anything": () => Buffer.from("x".repeat(1_000)),
  };
  const unseen = { go: ["OK", "it does not look"] as const };
  const differences: Readonly<Record<string, Partial<Expected>>> = {
    "DATA of a stream that is not open": unseen,
    "HEADERS of a stream that is not open": unseen,
    "HEADERS of an even stream": unseen,
    "WINDOW_UPDATE beyond the largest": unseen,
    "SETTINGS with a wrong frame size": unseen,
    "RST_STREAM of a stream that is not open": unseen,
    // We have said that nothing is to be pushed (RFC 9113, section 8.4).
    "PUSH_PROMISE": unseen,
    "more data than the window": { code: "INTERNAL" },
  };
  return Object.fromEntries(
    Object.entries(wrong).map(([name, make]) => [
      name,
      row(
        { ...UNAVAILABLE, ...differences[name] },
        (call) => call.send(make(call.stream), answerTo(call)),
      ),
    ]),
  );
}

/** Frames that are right, in numbers that are not: nghttp2 takes ten thousand for an attack. */
function floods(): Rows {
  const frames: Record<string, readonly [Uint8Array, Expected]> = {
    "PINGs": [ping(), UNAVAILABLE],
    "answers to no PING": [ping(0, Flag.ACK), UNAVAILABLE],
    "SETTINGS": [settings(), UNAVAILABLE],
    "WINDOW_UPDATEs": [windowUpdate(0, 1), OK],
    "frames of an unknown type": [frame(0xfe, 0xff, 1, Buffer.alloc(9)), UNAVAILABLE],
  };
  const rows: Rows = {};
  for (const [name, [one, expected]] of Object.entries(frames)) {
    const many = Buffer.concat(Array.from({ length: 10_000 }, () => one));
    rows[`10,000 ${name}`] = row(
      expected === OK ? OK : { ...expected, go: ["OK", "it takes any number"] },
      (call) => call.send(many, answerTo(call)),
    );
    if (name === "answers to no PING") continue;
    rows[`100 ${name}`] = row(
      OK,
      (call) => call.send(many.subarray(0, 100 * one.length), answerTo(call)),
    );
  }
  return rows;
}

/** An RST_STREAM, and the end of the connection in the same packet. */
function resets(): Rows {
  const codes = [[7, "UNAVAILABLE"], [8, "CANCELLED"], [11, "RESOURCE_EXHAUSTED"]] as const;
  return Object.fromEntries(codes.map(([code, name]) => [
    `reset ${code}, then the end`,
    row({ code: name }, (call) => {
      call.send(rstStream(call.stream, code));
      call.socket.end();
    }),
  ]));
}

/** The table, by username. */
export const breaks: Readonly<Rows> = {
  ...parts(),
  ...cuts(),
  ...goaways(),
  ...resets(),
  ...frames(),
  ...floods(),
};
