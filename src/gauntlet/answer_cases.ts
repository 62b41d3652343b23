/** Odd answers. None of these does anything to the connection, so that all may share one. */
import { Buffer } from "node:buffer";
import { deflateSync, gzipSync } from "node:zlib";
import { STATUS_NAMES, type StatusName } from "../contract/status_codes.ts";
import { END_HEADERS, END_STREAM, PADDED } from "../http2/frames.ts";
import { type Case, casesOf, type Ending, type Frames, type Row, type Rows } from "./case.ts";
import {
  answer,
  begin,
  blockFrames,
  data,
  end,
  type Field,
  GREETING,
  grpcMessage,
  headerBlock,
  headers,
  message,
  only,
  rstStream,
} from "./frames.ts";

/** The words of a status, which every client that shows them shows. */
const WORDS = "its words";
const TEXT: Field = ["grpc-message", WORDS];
const PAGE = Buffer.from("<html><body><h1>502 Bad Gateway</h1></body></html>");

const RESPONSES = "gRPC's PROTOCOL-HTTP2.md, Responses";

/** Header values are written as Latin-1: this gives them the bytes of UTF-8. */
function utf8(text: string): string {
  return Buffer.from(text).toString("latin1");
}

/** Frames between headers, some of them changed, and the trailers of an answer that is right. */
const around =
  (body: Frames, changes: Readonly<Record<string, string>> = {}): Frames => (id, hello) => [
    begin(id, changes),
    ...body(id, hello),
    end(id, "0"),
  ];

/** An answer with these bytes for a message with its prefix. */
const answering = (make: (hello: Uint8Array) => Uint8Array): Frames =>
  around((id, hello) => [data(id, make(hello))]);

/** An answer that is right but for its headers. */
const withHeaders = (changes: Readonly<Record<string, string>>): Frames =>
  around((id, hello) => [message(id, hello)], changes);

function statuses(): Rows {
  const rows: Record<string, Row> = {};
  for (const [status, code] of STATUS_NAMES.entries()) {
    if (code === "OK") continue;
    const fields = { "grpc-status": `${status}`, "grpc-message": WORDS };
    const name = `status-${code.toLowerCase().replaceAll("_", "-")}`;
    rows[name] = [
      code,
      `The server answers with the status ${code}.`,
      (id) => [begin(id), end(id, `${status}`, TEXT)],
    ];
    rows[`${name}-alone`] = [
      code,
      `The server answers with headers alone, which have the status ${code}.`,
      (id) => [only(id, fields)],
    ];
    rows[`${name}-after-message`] = [
      code,
      `The server answers with a message, and then with the status ${code}.`,
      (id, hello) => [begin(id), message(id, hello), end(id, `${status}`, TEXT)],
    ];
  }
  return rows;
}

/**
 * Values of grpc-status that are no status code. Of what is no number, gRPC says UNKNOWN. None with 64 is a
 * multiple of 256: a client that exits with 64 + the status, as grpcurl does, would seem to have succeeded.
 */
export const NO_STATUS_CODES: Readonly<Record<string, string>> = {
  "17": "17",
  "66": "66",
  "151": "151",
  "256": "256",
  "minus-1": "-1",
  "of-33-bits": "4294967297",
  "not-whole": "1.5",
  "in-hexadecimal": "0x5",
  "with-exponent": "1e1",
  "not-a-number": "abc",
  "nan": "NaN",
  "not-ascii": "é",
};

function unknownStatuses(): Rows {
  const rows: Record<string, Row> = {};
  for (const [name, odd] of Object.entries(NO_STATUS_CODES)) {
    const fields = { "grpc-status": utf8(odd), "grpc-message": WORDS };
    const does = `The server answers with the status "${odd}", which gRPC does not have`;
    const mayEnd = /^\d+$/.test(odd) ? "FAILURE" : "UNKNOWN";
    rows[`status-${name}`] = [
      mayEnd,
      `${does}.`,
      (id) => [begin(id), end(id, utf8(odd), TEXT)],
    ];
    rows[`status-${name}-alone`] = [
      mayEnd,
      `${does}, in headers alone.`,
      (id) => [only(id, fields)],
    ];
  }
  return {
    ...rows,
    "status-empty": [
      "UNKNOWN",
      "The server answers with a status that is empty.",
      (id) => [begin(id), end(id, "")],
    ],
    "status-missing": [
      ["UNKNOWN", "INTERNAL"],
      "The server answers with a message, and with trailers that have no status.",
      (id, hello) => [
        begin(id),
        message(id, hello),
        headers(id, [["x", "y"]], END_HEADERS | END_STREAM),
      ],
    ],
    "status-missing-alone": [
      ["UNKNOWN", "INTERNAL"],
      "The server answers with headers alone, which have no status.",
      (id) => [only(id)],
    ],
    "no-trailers": [
      "FAILURE",
      "The server answers with a whole message, and ends the stream without trailers.",
      (id, hello) => [begin(id), data(id, grpcMessage(hello), END_STREAM)],
    ],
  };
}

/** Texts of grpc-message: what the server sends. */
const STATUS_MESSAGES: Readonly<Record<string, readonly [is: string, sent: string]>> = {
  "in-utf-8": ["in UTF-8 without percent-encoding", utf8("Привет, мир")],
  "percent-encoded": ["percent-encoded", "%D0%9F%D1%80%2F%3A 100%25"],
  "not-percent-encoded": [
    "that is percent-encoded in part only",
    "50% of %D0%9F, %zz %4",
  ],
  "of-half-a-character": ["with the percent-encoding of half a character", "a %D0 b"],
  "in-utf-8-and-percent-encoded": ["in UTF-8 that is percent-encoded in part", utf8("ж%20ж")],
  "in-latin-1": ["in Latin-1", "caf\xe9"],
  "with-controls": ["with line breaks and control characters, percent-encoded", "a%0Ab%1B[2Jc"],
  "of-30000-characters": ["of 30,000 characters", "x".repeat(30_000)],
  "empty": ["that is empty", ""],
};

function statusMessages(): Rows {
  const rows: Record<string, Row> = {
    "message-missing": [
      "NOT_FOUND",
      "The server answers with the status NOT_FOUND and no grpc-message.",
      (id) => [begin(id), end(id, "5")],
    ],
  };
  for (const [name, [is, sent]] of Object.entries(STATUS_MESSAGES)) {
    const block = headerBlock([["grpc-status", "5"], ["grpc-message", sent]]);
    rows[`message-${name}`] = [
      // A client may limit the size of trailers.
      sent.length > 8_192 ? "FAILURE" : "NOT_FOUND",
      `The server answers with the status NOT_FOUND and a grpc-message ${is}.`,
      (id) => [begin(id), ...blockFrames(id, block, { flags: END_STREAM })],
    ];
  }
  return rows;
}

const EITHER: readonly Ending[] = ["OK", "FAILURE"];

/** A client that has not offered the encoding need not know it. */
const MAY_UNPACK: readonly Ending[] = ["OK", "INTERNAL"];

/** A message that is not what its flag or the encoding says. */
function codings(): Rows {
  const packed = (encoding: string, pack: (hello: Uint8Array) => Uint8Array, flag = 1): Frames =>
    around((id, hello) => {
      const bytes = pack(hello);
      return [data(id, grpcMessage(bytes, bytes.length, flag))];
    }, { "grpc-encoding": encoding });
  const asItIs = (hello: Uint8Array) => hello;
  const flagged = "The server sends a message that is flagged as compressed";
  return {
    "compressed-without-encoding": [
      "INTERNAL",
      `${flagged}, but no grpc-encoding.`,
      packed("", asItIs),
    ],
    "compressed-with-identity": [
      "INTERNAL",
      `${flagged}, and the grpc-encoding identity.`,
      packed("identity", asItIs),
    ],
    "compressed-with-br": [
      "INTERNAL",
      `${flagged}, and a grpc-encoding that the client has not offered.`,
      packed("br", asItIs),
    ],
    "not-compressed-with-br": [
      MAY_UNPACK,
      "The server sends a grpc-encoding that the client does not know, and a message that is not compressed.",
      packed("br", asItIs, 0),
    ],
    "compressed-with-gzip": [
      MAY_UNPACK,
      "The server compresses the message with gzip, without looking whether the client offered it.",
      packed("gzip", gzipSync),
    ],
    "compressed-with-deflate": [
      MAY_UNPACK,
      "The server compresses the message with deflate, without looking whether the client offered it.",
      packed("deflate", deflateSync),
    ],
    "gzip-that-is-none": [
      "INTERNAL",
      `${flagged} with gzip and is not.`,
      packed("gzip", asItIs),
    ],
    "gzip-cut": [
      "INTERNAL",
      "The server sends the first 15 bytes of a message that is compressed with gzip, as if they were all.",
      packed("gzip", (hello) => gzipSync(hello).subarray(0, 15)),
    ],
    "gzip-of-8-mb": [
      "FAILURE",
      "The server sends 8 KB of gzip that unpack to 8 MB of zeros, which are no valid message either.",
      packed("gzip", () => gzipSync(Buffer.alloc(8 << 20))),
    ],
    "compressed-flag-of-2": [
      EITHER,
      "The server sends a message whose compressed flag is 2.",
      packed("", asItIs, 2),
    ],
  };
}

function messages(): Rows {
  return {
    "not-utf-8": [
      EITHER,
      "The server answers with a string that is not valid UTF-8.",
      answering(() => grpcMessage(Buffer.of(0x0a, 2, 0xff, 0xfe))),
    ],
    "not-protobuf": [
      "INTERNAL",
      "The server answers with a message that is not protobuf.",
      answering(() => grpcMessage(Buffer.of(0xff))),
    ],
    "message-larger-than-its-data": [
      "FAILURE",
      "The server begins a message of 5 MB, and ends the answer with the status 0 after seven bytes.",
      answering(() => grpcMessage(GREETING, 5 << 20)),
    ],
    "message-of-4-gib": [
      "FAILURE",
      "The server begins a message of 4 GiB, and sends no more than its first seven bytes.",
      (id) => [begin(id), data(id, grpcMessage(GREETING, 2 ** 32 - 1))],
    ],
    ...cutMessages(),
    "empty-frames": [
      "OK",
      "The server sends three empty DATA frames before the message, and as many after it.",
      around((id, hello) => [...emptyFrames(id), message(id, hello), ...emptyFrames(id)]),
    ],
    "each-byte-a-frame": [
      "OK",
      "The server sends each byte of the message in a DATA frame of its own.",
      around((id, hello) => [...grpcMessage(hello)].map((byte) => data(id, Buffer.of(byte)))),
    ],
  };
}

/** Cut in the prefix and the message. */
function cutMessages(): Rows {
  return Object.fromEntries(
    [1, 2, 3, 4, 5, 6].map((at) => [`message-cut-at-byte-${at}`, [
      "FAILURE",
      `The server sends ${at} of the bytes of a message with its prefix, and ends the answer with the status 0.`,
      answering((hello) => grpcMessage(hello).subarray(0, at)),
    ]]),
  );
}

function emptyFrames(id: number): Uint8Array[] {
  return [data(id), data(id), data(id)];
}

const CARDINALITY: readonly Ending[] = ["INTERNAL", "UNIMPLEMENTED"];

function counts(): Rows {
  const twice = (hello: Uint8Array) => Buffer.concat([grpcMessage(hello), grpcMessage(hello)]);
  return {
    "no-message": [
      CARDINALITY,
      "The server answers with the status 0 and without a message.",
      around(() => []),
    ],
    "no-message-alone": [
      CARDINALITY,
      "The server answers with headers alone, which have the status 0.",
      (id) => [only(id, { "grpc-status": "0" })],
    ],
    "two-messages": [
      CARDINALITY,
      "The server answers with two messages in one DATA frame.",
      answering(twice),
    ],
    "two-messages-without-end": [
      "FAILURE",
      "The server answers with two messages, and does not end the answer.",
      (id, hello) => [begin(id), data(id, twice(hello))],
    ],
    "two-messages-in-two-frames": [
      CARDINALITY,
      "The server answers with two messages.",
      around((id, hello) => [message(id, hello), message(id, hello)]),
    ],
    "two-messages-and-a-status": [
      "FAILURE",
      "The server answers with two messages and the status NOT_FOUND.",
      (id, hello) => [begin(id), data(id, twice(hello)), end(id, "5", TEXT)],
    ],
    "a-thousand-empty-messages": [
      CARDINALITY,
      "The server answers with a thousand messages, each of them empty.",
      answering(() => Buffer.alloc(5_000)),
    ],
  };
}

function ends(): Rows {
  return {
    "message-without-end": [
      "DEADLINE_EXCEEDED",
      "The server answers with a message, and does not end the answer.",
      (id, hello) => [begin(id), message(id, hello)],
    ],
    "headers-without-end": [
      "DEADLINE_EXCEEDED",
      "The server answers with headers, and with nothing more.",
      (id) => [begin(id)],
    ],
    "nothing": ["DEADLINE_EXCEEDED", "The server does not answer.", () => []],
  };
}

/** What gRPC makes of an HTTP status without a gRPC status: doc/http-grpc-status-mapping.md. */
export const HTTP_STATUSES: Readonly<Partial<Record<StatusName, readonly number[]>>> = {
  UNKNOWN: [200, 204, 301, 405, 413, 500],
  INTERNAL: [400, 431],
  UNAUTHENTICATED: [401],
  PERMISSION_DENIED: [403],
  UNIMPLEMENTED: [404],
  UNAVAILABLE: [429, 502, 503, 504],
};

function pages(): Rows {
  const rows: Record<string, Row> = {};
  const statuses = Object.entries(HTTP_STATUSES)
    .flatMap(([code, all]) => all.map((status) => [status, code as StatusName] as const));
  for (const [status, code] of statuses) {
    const page = { ":status": `${status}`, "content-type": "text/html", server: "nginx" };
    const does = `The server answers with the HTTP status ${status}`;
    rows[`page-${status}`] = [
      code,
      `${does} and a page of HTML, as a proxy does.`,
      (id) => [begin(id, page), data(id, PAGE, END_STREAM)],
    ];
    rows[`page-${status}-without-body`] = [
      code,
      `${does} and the content type of HTML, without a page.`,
      (id) => [only(id, page)],
    ];
    rows[`page-${status}-without-end`] = [
      [code, "DEADLINE_EXCEEDED"],
      `${does} and a page of HTML, and does not end the answer.`,
      (id) => [begin(id, page), data(id, PAGE)],
    ];
    if (status === 200) continue;
    rows[`http-${status}`] = [
      code,
      `${does} and the content type of gRPC, without a gRPC status.`,
      (id) => [only(id, { ":status": `${status}` })],
    ];
  }
  const aborted = { ":status": "503", "grpc-status": "10", "grpc-message": WORDS };
  return {
    ...rows,
    "http-503-with-a-grpc-status": [
      "ABORTED",
      "The server answers with the HTTP status 503, and with the gRPC status ABORTED.",
      (id) => [only(id, aborted)],
    ],
  };
}

function contentTypes(): Rows {
  const types: Readonly<Record<string, Row[0]>> = {
    "application/grpc+proto": "OK",
    "application/grpc;charset=utf-8": EITHER,
    "Application/GRPC": EITHER,
  };
  const json = { "content-type": "application/json" };
  const web = { "content-type": "application/grpc-web" };
  const rows = Object.entries(types).map(([type, mayEnd]): [string, Row] => [
    `content-type-${type.replace(/^application\/grpc/, "grpc").replace(/\W+/g, "-").toLowerCase()}`,
    [
      mayEnd,
      `The server answers with the content type ${type}.`,
      withHeaders({
        "content-type": type,
      }),
    ],
  ]);
  return {
    ...Object.fromEntries(rows),
    "content-type-json": [
      "FAILURE",
      "The server answers with an object of JSON and the HTTP status 200, and does not end the answer.",
      (id) => [begin(id, json), data(id, Buffer.from("{}"))],
    ],
    "content-type-grpc-web": [
      "FAILURE",
      "The server answers with a message of gRPC-Web, and does not end the answer.",
      (id, hello) => [begin(id, web), message(id, hello)],
    ],
    "content-type-missing": [
      EITHER,
      "The server answers without a content type.",
      withHeaders({ "content-type": "" }),
    ],
  };
}

/** The error codes of RFC 9113, section 7, and one that it does not have. */
const ERROR_NAMES = [
  ...["no-error", "protocol-error", "internal-error", "flow-control-error", "settings-timeout"],
  ...["stream-closed", "frame-size-error", "refused-stream", "cancel", "compression-error"],
  ...["connect-error", "enhance-your-calm", "inadequate-security", "http-1-1-required"],
  "error-14",
];

/** What gRPC makes of an RST_STREAM; of those that its table lacks or does not map, any failure. */
const RESETS: readonly Ending[] = [
  ...["INTERNAL", "INTERNAL", "INTERNAL", "INTERNAL", "INTERNAL", "FAILURE", "INTERNAL"] as const,
  ...["UNAVAILABLE", "CANCELLED", "INTERNAL", "INTERNAL", "RESOURCE_EXHAUSTED"] as const,
  ...["PERMISSION_DENIED", "FAILURE", "FAILURE"] as const,
];

function resets(): Rows {
  const rows: Record<string, Row> = {};
  for (const [code, error] of ERROR_NAMES.entries()) {
    const points: Readonly<Record<string, readonly [does: string, before: Frames]>> = {
      [`rst-${error}`]: ["", () => []],
      [code === 0 ? "rst_after_header" : `rst-${error}-after-headers`]: [
        " after the headers of the answer",
        (id) => [begin(id)],
      ],
      [code === 0 ? "rst_after_data" : `rst-${error}-after-message`]: [
        " after the message of the answer",
        (id, hello) => [begin(id), message(id, hello)],
      ],
    };
    for (const [name, [when, before]] of Object.entries(points)) {
      rows[name] = [
        // Such a call may be tried again, until its deadline.
        name === "rst-refused-stream" ? ["UNAVAILABLE", "DEADLINE_EXCEEDED"] : RESETS[code]!,
        `The server resets the stream with the error code ${code}${when}.`,
        (id, hello) => [...before(id, hello), rstStream(id, code)],
      ];
    }
    rows[`rst-${error}-after-answer`] = [
      code === 0 ? "OK" : EITHER,
      `The server answers, and resets the stream with the error code ${code} after that.`,
      (id, hello) => [answer(id, hello), rstStream(id, code)],
    ];
  }
  return {
    ...rows,
    "rst_during_data": [
      "INTERNAL",
      "The server resets the stream with the error code 0 in the middle of the message.",
      (id, hello) => [
        begin(id),
        data(id, grpcMessage(hello).subarray(0, 8)),
        rstStream(id, 0),
      ],
    ],
  };
}

/** What is right in HTTP/2, and seldom seen. */
function seldom(): Case[] {
  const interim = (id: number, status: string) => headers(id, [[":status", status], ["a", "b"]]);
  return [
    ...casesOf("Answers", "RFC 9113, 8.1", {
      "http-100-and-103-before": [
        "OK",
        "The server sends the interim HTTP statuses 100 and 103 before the answer.",
        (id, hello) => [interim(id, "100"), interim(id, "103"), answer(id, hello)],
      ],
    }),
    ...casesOf("Answers", "RFC 9113, 6.1", {
      "data_frame_padding": [
        "OK",
        "The server sends a message of a thousand bytes in DATA frames of five bytes with 255 bytes of padding.",
        padded,
      ],
    }),
  ];
}

function others(): Rows {
  const fifty = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`x-${at}`, "value"]));
  return {
    "answer": ["OK", "The server answers as it should.", (id, hello) => [answer(id, hello)]],
    "header-not-ascii": [
      "OK",
      "The server sends a header with a character that is not ASCII.",
      withHeaders({ "x-text": "\xe9" }),
    ],
    "header-with-control-character": [
      "OK",
      "The server sends a header with a control character of Latin-1, which HTTP allows.",
      withHeaders({ "x-text": "a\xe9\x9b" }),
    ],
    "trailer-not-ascii": [
      "NOT_FOUND",
      "The server answers with the status NOT_FOUND, and a trailer that is not ASCII.",
      (id) => [begin(id), end(id, "5", TEXT, ["x-text", "\xe9"])],
    ],
    "fifty-headers": [
      "OK",
      "The server sends fifty headers more than it has to.",
      withHeaders(fifty),
    ],
  };
}

/** The answer in DATA frames of five bytes, each with as much padding as a frame can have. */
const padded: Frames = (stream, hello) => {
  // A field that nobody knows, number 15, of a thousand bytes.
  const unknown = Buffer.concat([Buffer.of(0x7a, 0xe8, 0x07), Buffer.alloc(1_000)]);
  const long = grpcMessage(Buffer.concat([hello, unknown]));
  const frames: Uint8Array[] = [begin(stream)];
  for (let at = 0; at < long.length; at += 5) {
    const part = Buffer.concat([Buffer.of(255), long.subarray(at, at + 5), Buffer.alloc(255)]);
    frames.push(data(stream, part, PADDED));
  }
  return [...frames, end(stream, "0")];
};

/** Tries, of which the first fails. */
const retries: Case = {
  name: "refused-once",
  group: "Resets of the stream",
  does: "The server refuses the first try with REFUSED_STREAM, and answers the second.",
  mayEnd: ["OK", "UNAVAILABLE"],
  section: "gRFC A6, Transparent Retries",
  isCommitted: false,
  countsTries: true,
  answer: ({ stream, hello, attempt, send }) =>
    send(...attempt === 1 ? [rstStream(stream, 7)] : [answer(stream, hello)]),
};

/** A server that waits for the answer to a PING, in each part of its answer. */
const pings: Case = {
  name: "ping",
  group: "Answers",
  does: "The server sends a PING before each part of the answer, and waits until it is answered.",
  mayEnd: ["OK"],
  section: "RFC 9113, 6.7",
  isCommitted: true,
  answer: async ({ stream, hello, send, ping }) => {
    for (const part of [begin(stream), message(stream, hello), end(stream, "0")]) {
      await ping();
      send(part);
    }
    await ping();
  },
};

/** The table. */
export const answerCases: readonly Case[] = [
  ...casesOf("Answers", RESPONSES, others()),
  ...seldom(),
  pings,
  ...casesOf("Statuses", RESPONSES, statuses()),
  ...casesOf("Statuses that are none", "gRPC's statuscodes.md", unknownStatuses()),
  ...casesOf("Messages of a status", RESPONSES, statusMessages()),
  ...casesOf("Compression", "gRPC's compression.md", codings()),
  ...casesOf("Messages", "gRPC's PROTOCOL-HTTP2.md, Length-Prefixed-Message", messages()),
  ...casesOf("Number of messages", "gRPC's statuscodes.md, cardinality", counts()),
  ...casesOf("Answers without an end", "gRPC's statuscodes.md, deadline", ends()),
  ...casesOf("Answers that are not gRPC", "gRPC's http-grpc-status-mapping.md", pages()),
  ...casesOf("Content types", RESPONSES, contentTypes()),
  ...casesOf("Resets of the stream", "gRPC's PROTOCOL-HTTP2.md, Errors", resets()),
  retries,
];
