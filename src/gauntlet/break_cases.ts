/** Answers that break the connection, or that come while it ends: another call on it would fail too. */
import { Buffer } from "node:buffer";
import type { StatusName } from "../contract/status_codes.ts";
import {
  ACK,
  CONTINUATION,
  DATA,
  END_HEADERS,
  HEADERS,
  PADDED,
  PING,
  PUSH_PROMISE,
  SETTINGS,
} from "../http2/frames.ts";
import { type Case, casesOf, type Frames, pause, type Row, type Rows } from "./case.ts";
import type { Asked } from "./connection.ts";
import {
  answer,
  begin,
  data,
  end,
  frame,
  goaway,
  headers,
  MAX_WINDOW,
  message,
  ping,
  rstStream,
  settings,
  windowUpdate,
} from "./frames.ts";

/** The answer as far as one of its bytes, and then the end of the connection. */
function cuts(): Rows {
  const rows: Record<string, Row> = {};
  const { length } = answer(1);
  for (let at = 0; at <= length; at++) {
    const cut: Frames = (id, hello) => {
      const whole = answer(id, hello);
      // A shorter message ends sooner.
      return [at === length ? whole : whole.subarray(0, Math.min(at, whole.length - 1))];
    };
    const does = `The server sends ${at} of the ${length} bytes of an answer`;
    rows[`closed-at-byte-${at}`] = [
      at === length ? "OK" : "UNAVAILABLE",
      `${does}, and closes the connection.`,
      cut,
      "end",
    ];
    if (at % 10 !== 0 || at === length) continue;
    rows[`connection-reset-at-byte-${at}`] = [
      "UNAVAILABLE",
      `${does}, and resets the connection (RST of TCP).`,
      cut,
      "reset",
    ];
  }
  return rows;
}

/** A GOAWAY at each point of an answer. */
function goaways(): Rows {
  const rows: Record<string, Row> = {};
  for (
    const [name, of, told] of [
      ["goaway", "says with GOAWAY that this stream was the last", (id: number) => goaway(id)],
      ["shutdown-notice", "says with GOAWAY that it will shut down", () => goaway(MAX_WINDOW)],
    ] as const
  ) {
    const points: Readonly<Record<string, readonly [does: string, frames: Frames]>> = {
      [`${name}-before-headers`]: [
        `The server ${of}, and answers.`,
        (id, hello) => [told(id), answer(id, hello)],
      ],
      [`${name}-after-headers`]: [
        `The server sends headers, ${of}, and sends the rest of the answer.`,
        (id, hello) => [begin(id), told(id), message(id, hello), end(id, "0")],
      ],
      [`${name}-before-trailers`]: [
        `The server sends headers and the message, ${of}, and sends the trailers.`,
        (id, hello) => [begin(id), message(id, hello), told(id), end(id, "0")],
      ],
      [name === "goaway" ? name : `${name}-after-answer`]: [
        `The server answers, and ${of}.`,
        (id, hello) => [answer(id, hello), told(id)],
      ],
    };
    for (const [point, [does, frames]] of Object.entries(points)) {
      rows[point] = ["OK", does, frames];
    }
    rows[`${name}-then-close`] = [
      "UNAVAILABLE",
      `The server ${of}, and closes the connection without an answer.`,
      (id) => [told(id)],
      "end",
    ];
  }
  const refused =
    "The server says with GOAWAY that it has not taken this stream, on each connection";
  rows["goaway-of-stream-0"] = [REFUSED, `${refused}.`, () => [goaway(0)]];
  rows["goaway-of-stream-0-then-close"] = [
    REFUSED,
    `${refused}, and closes it.`,
    () => [goaway(0)],
    "end",
  ];
  for (let code = 1; code <= 14; code++) {
    const does = `The server sends GOAWAY with the error code ${code}`;
    rows[`goaway-error-${code}`] = [
      "FAILURE",
      `${does} before this stream, and closes the connection.`,
      () => [goaway(0, code)],
      "end",
    ];
    rows[`goaway-error-${code}-of-this`] = [
      "FAILURE",
      `${does} after this stream, and closes the connection.`,
      (id) => [goaway(id, code)],
      "end",
    ];
  }
  return rows;
}

/** A client may try elsewhere until its deadline. */
const REFUSED = ["UNAVAILABLE", "DEADLINE_EXCEEDED"] as const satisfies readonly StatusName[];

type Wrong = readonly [
  section: string,
  does: string,
  make: (id: number) => Uint8Array,
  mayEnd?: Row[0],
];

/** Frames that are wrong, or not for a client; the answer would follow. */
function wrongFrames(): Case[] {
  const bytes = (length: number) => Buffer.alloc(length);
  const wrong: Readonly<Record<string, Wrong>> = {
    "data-of-stream-0": ["6.1", "DATA of stream 0", () => data(0, bytes(1))],
    "data-of-idle-stream": ["5.1", "DATA of a stream that is not open", () => data(99, bytes(1))],
    "headers-of-idle-stream": ["5.1.1", "HEADERS of a stream that is not open", () => begin(99)],
    "headers-of-even-stream": ["5.1.1", "HEADERS of a stream of its own", () => begin(2)],
    "headers-that-are-none": [
      "4.3",
      "a block of headers that cannot be decoded",
      (id) => frame(HEADERS, END_HEADERS, id, Buffer.of(0x80)),
    ],
    "frame-too-large": ["4.2", "a frame of 20,000 bytes", (id) => data(id, bytes(20_000))],
    "frame-of-16-mb": [
      "4.2",
      "the head of a frame of 16 MB",
      () => Buffer.from("ffffff000000000001", "hex"),
    ],
    "push": [
      "8.4",
      "PUSH_PROMISE, which clients that do not want it forbid in their SETTINGS",
      (id) => frame(PUSH_PROMISE, END_HEADERS, id, Buffer.of(0, 0, 0, 2, 0x82)),
      ["OK", "FAILURE"],
    ],
    "window-update-of-0": ["6.9", "WINDOW_UPDATE of 0", () => windowUpdate(0, 0)],
    "window-overflow": [
      "6.9.1",
      "WINDOW_UPDATE beyond the largest window",
      () => windowUpdate(0, MAX_WINDOW),
    ],
    "settings-of-five-bytes": [
      "6.5",
      "SETTINGS of five bytes",
      () => frame(SETTINGS, 0, 0, bytes(5)),
    ],
    "settings-of-a-stream": [
      "6.5",
      "SETTINGS of a stream",
      (id) => frame(SETTINGS, 0, id, bytes(0)),
    ],
    "settings-with-wrong-frame-size": [
      "6.5.2",
      "SETTINGS with a MAX_FRAME_SIZE of 1",
      () => settings([5, 1]),
    ],
    "ping-of-seven-bytes": ["6.7", "PING of seven bytes", () => frame(PING, 0, 0, bytes(7))],
    "continuation-of-nothing": [
      "6.10",
      "CONTINUATION of nothing",
      (id) => frame(CONTINUATION, END_HEADERS, id),
    ],
    "headers-not-continued": [
      "6.10",
      "HEADERS that are to be continued, and a PING",
      (id) => Buffer.concat([headers(id, [[":status", "200"]], 0), ping()]),
    ],
    "padding-too-long": [
      "6.1",
      "DATA with padding that is longer than its frame",
      (id) => frame(DATA, PADDED, id, Buffer.of(9, 1)),
    ],
    "more-than-the-window": [
      "6.9.1",
      "98 KB of empty messages, more than the window of a stream is by default",
      (id) => Buffer.concat([begin(id), ...Array(6).fill(data(id, bytes(16_384)))]),
    ],
    "rst-of-idle-stream": [
      "6.4",
      "RST_STREAM of a stream that is not open",
      () => rstStream(99),
    ],
    "http-1-within": [
      "4.2",
      "an error of HTTP/1.1",
      () => Buffer.from("HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n"),
    ],
    "text-within": ["4.2", "a thousand times the letter x", () => Buffer.from("x".repeat(1_000))],
  };
  return Object.entries(wrong).flatMap(([name, [section, does, make, mayEnd = "FAILURE"]]) =>
    casesOf("Wrong frames", `RFC 9113, ${section}`, {
      [name]: [
        mayEnd,
        `The server sends ${does}, before it answers.`,
        (id, hello) => [make(id), answer(id, hello)],
      ],
    })
  );
}

/** Frames that are right, in numbers that are not. */
function floods(): Rows {
  const rows: Record<string, Row> = {};
  for (
    const [name, what, one] of [
      ["pings", "PINGs", ping()],
      ["ping-answers", "answers to no PING", ping(0, ACK)],
      ["settings", "SETTINGS", settings()],
      ["window-updates", "WINDOW_UPDATEs of 1", windowUpdate(0, 1)],
      ["unknown-frames", "frames of an unknown type", frame(0xfe, 0xff, 1, Buffer.alloc(9))],
    ] as const
  ) {
    const flood = (count: number): Frames => (id, hello) => [
      Buffer.alloc(count * one.length, one),
      answer(id, hello),
    ];
    rows[`10000-${name}`] = [
      ["OK", "FAILURE"],
      `The server sends 10,000 ${what}, and answers.`,
      flood(10_000),
    ];
    if (name === "ping-answers") continue;
    rows[`100-${name}`] = ["OK", `The server sends 100 ${what}, and answers.`, flood(100)];
  }
  return rows;
}

/** An RST_STREAM, and the end of the connection in the same packet. */
function resets(): Rows {
  const codes = [
    ["refused-stream", 7, REFUSED],
    ["cancel", 8, ["CANCELLED"]],
    ["enhance-your-calm", 11, ["RESOURCE_EXHAUSTED"]],
  ] as const;
  return Object.fromEntries(
    codes.map(([name, code, status]) => [`rst-${name}-then-close`, [
      status,
      `The server resets the stream with the error code ${code}, and closes the connection.`,
      (id) => [rstStream(id, code)],
      "end",
    ]]),
  );
}

const answerTo = ({ stream, hello }: Asked) => answer(stream, hello);

const GOAWAY = "RFC 9113, 6.8";

/** An answer that comes in more than one packet. */
function late(): Case[] {
  const later = (goaway: Uint8Array) => async (call: Asked) => {
    call.send(goaway);
    await pause(50);
    call.send(answerTo(call));
  };
  const one = { mayEnd: ["OK"], isCommitted: true } as const;
  return [
    {
      ...one,
      name: "in-single-bytes",
      group: "Answers",
      does: "The server sends the answer byte by byte, each in a packet of its own.",
      section: "RFC 9113, 4.1",
      answer: (call) => call.sendInParts(answerTo(call), 1),
    },
    {
      ...one,
      name: "in-sevens",
      group: "Answers",
      does: "The server sends the answer in packets of seven bytes.",
      section: "RFC 9113, 4.1",
      answer: (call) => call.sendInParts(answerTo(call), 7),
    },
    {
      ...one,
      name: "goaway-then-later-the-answer",
      group: "GOAWAY",
      does: "The server says with GOAWAY that this stream was the last, and answers 50 ms later.",
      section: GOAWAY,
      answer: (call) => later(goaway(call.stream))(call),
    },
    {
      ...one,
      name: "shutdown-notice-then-later-the-answer",
      group: "GOAWAY",
      does: "The server says with GOAWAY that it will shut down, and answers 50 ms later.",
      section: GOAWAY,
      answer: later(goaway(MAX_WINDOW)),
    },
    {
      name: "goaway-once",
      group: "GOAWAY",
      does:
        "The server says with GOAWAY that it has not taken the first try, and answers the second.",
      mayEnd: ["OK", "UNAVAILABLE"],
      section: "gRFC A6, Transparent Retries",
      isCommitted: false,
      countsTries: true,
      answer: (call) => {
        call.send(call.attempt === 1 ? goaway(0) : answerTo(call));
        if (call.attempt === 1) call.socket.end();
      },
    },
  ];
}

/** The table. */
export const breakCases: readonly Case[] = [
  ...late(),
  ...casesOf("Connections that break", "gRPC's statuscodes.md, connection breaks", cuts()),
  ...casesOf("GOAWAY", "gRPC's PROTOCOL-HTTP2.md, GOAWAY Frame", goaways()),
  ...casesOf("Resets of the stream", "gRPC's PROTOCOL-HTTP2.md, Errors", resets()),
  ...wrongFrames(),
  ...casesOf("Floods", "RFC 9113, 10.5", floods()),
];
