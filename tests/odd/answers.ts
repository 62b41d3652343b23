/** The table of odd answers. None of these does anything to the connection, so that all may share one. */
import { Buffer } from "node:buffer";
import { deflateSync, gzipSync } from "node:zlib";
import { STATUS_NAMES, type StatusName } from "../../src/contract/status_codes.ts";
import {
  answer,
  begin,
  blockFrames,
  data,
  end,
  type Field,
  Flag,
  GREETING,
  grpcMessage,
  headerBlock,
  headers,
  message,
  only,
  rstStream,
} from "../support/frames.ts";
import { type Expected, type Frames, type Rows, tableOf } from "./table.ts";

const TEXT: Field = ["grpc-message", "its words"];
const PAGE = Buffer.from("<html><body><h1>502 Bad Gateway</h1></body></html>");
const END_STREAM = Flag.END_STREAM;

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
  const rows: Record<string, [Expected, Frames]> = {};
  for (const [status, code] of STATUS_NAMES.entries()) {
    if (code === "OK") continue;
    const expected = { code, says: "its words" };
    const fields = { "grpc-status": `${status}`, "grpc-message": "its words" };
    rows[`status ${status}`] = [expected, (id) => [begin(id), end(id, `${status}`, TEXT)]];
    rows[`status ${status} alone`] = [expected, (id) => [only(id, fields)]];
    rows[`status ${status} after a message`] = [
      expected,
      (id, hello) => [begin(id), message(id, hello), end(id, `${status}`, TEXT)],
    ];
  }
  return rows;
}

function unknownStatuses(): Rows {
  const rows: Record<string, [Expected, Frames]> = {};
  const numbers: readonly number[] = [17, 66, 192, 256, -1];
  const words = ["4294967297", "1.5", "0x5", "1e1", "abc", "NaN", "é"];
  for (const odd of [...numbers.map(String), ...words]) {
    const expected: Expected = {
      code: "UNKNOWN",
      says: `the server sent the status "${odd}", which gRPC does not know: its words`,
      ...(numbers.includes(Number(odd))
        ? { go: [`Code(${Number(odd) >>> 0})`, "it hands on any number of 32 bits"] }
        : {}),
    };
    const fields = { "grpc-status": utf8(odd), "grpc-message": "its words" };
    rows[`status ${odd}`] = [expected, (id) => [begin(id), end(id, utf8(odd), TEXT)]];
    rows[`status ${odd} alone`] = [expected, (id) => [only(id, fields)]];
  }
  const none: Expected = { code: "UNKNOWN", says: "the answer has no grpc-status" };
  return {
    ...rows,
    "no status in trailers": [none, (id, hello) => [
      begin(id),
      message(id, hello),
      headers(id, [["x", "y"]], Flag.END_HEADERS | END_STREAM),
    ]],
    "no status in the only headers": [none, (id) => [only(id)]],
    "an empty status": [
      { code: "UNKNOWN", says: 'the server sent the status "", which gRPC does not know' },
      (id) => [begin(id), end(id, "")],
    ],
    "no trailers": [
      { code: "INTERNAL", says: "the server ended the answer without a status" },
      (id, hello) => [begin(id), data(id, grpcMessage(hello), END_STREAM)],
    ],
  };
}

function messages(): Rows {
  const texts: Record<string, readonly [sent: string, shown: string]> = {
    "in raw UTF-8": [utf8("Привет, мир"), "Привет, мир"],
    "in percent escapes": ["%D0%9F%D1%80%2F%3A 100%25", "Пр/: 100%"],
    "with escapes that are none": ["50% of %D0%9F, %zz %4", "50% of П, %zz %4"],
    "with escapes of half a character": ["a %D0 b", "a \ufffd b"],
    "in raw UTF-8 with escapes": [utf8("ж%20ж"), "ж ж"],
    "in Latin-1": ["caf\xe9", "caf\ufffd"],
    "with controls": ["a%0Ab%1B[2Jc", "a\nb\x1b[2Jc"],
    "of 30,000 characters": ["x".repeat(30_000), "x".repeat(30_000)],
    "that is empty": ["", ""],
  };
  const rows: Record<string, [Expected, Frames]> = {
    "no message": [{ code: "NOT_FOUND", says: "" }, (id) => [begin(id), end(id, "5")]],
  };
  for (const [name, [sent, says]] of Object.entries(texts)) {
    const block = headerBlock([["grpc-status", "5"], ["grpc-message", sent]]);
    rows[`a message ${name}`] = [
      { code: "NOT_FOUND", says },
      (id) => [begin(id), ...blockFrames(id, block, { flags: END_STREAM })],
    ];
  }
  return rows;
}

/** A message that is not what its flag, the encoding or the contract says. */
function codings(): Rows {
  const packed = (encoding: string, pack: (hello: Uint8Array) => Uint8Array, flag = 1): Frames =>
    around((id, hello) => {
      const bytes = pack(hello);
      return [data(id, grpcMessage(bytes, bytes.length, flag))];
    }, { "grpc-encoding": encoding });
  const asItIs = (hello: Uint8Array) => hello;
  const refused = (says: string): Expected => ({ code: "INTERNAL", says });
  const unnamed = refused("the message is compressed, but the server named no encoding");
  const br = refused('the message is compressed with "br", which is not supported');
  return {
    "compressed without an encoding": [unnamed, packed("", asItIs)],
    "compressed with identity": [unnamed, packed("identity", asItIs)],
    "compressed with br": [br, packed("br", asItIs)],
    "not compressed, of the encoding br": ["OK", packed("br", asItIs, 0)],
    "compressed with gzip": ["OK", packed("gzip", gzipSync)],
    "compressed with deflate": [
      { code: "OK", go: ["INTERNAL", "it has no deflate"] },
      packed("deflate", deflateSync),
    ],
    "gzip that is none": ["INTERNAL", packed("gzip", asItIs)],
    "gzip that is cut": ["INTERNAL", packed("gzip", (hello) => gzipSync(hello).subarray(0, 15))],
    "gzip of 8 MB": ["RESOURCE_EXHAUSTED", packed("gzip", () => gzipSync(Buffer.alloc(8 << 20)))],
    "the flag 2": [
      refused("the message has the flag 2, which gRPC does not know"),
      packed("", asItIs, 2),
    ],
    "not valid UTF-8": ["INTERNAL", answering(() => grpcMessage(Buffer.of(0x0a, 2, 0xff, 0xfe)))],
    "not protobuf": ["INTERNAL", answering(() => grpcMessage(Buffer.of(0xff)))],
  };
}

function counts(): Rows {
  const none: Expected = { code: "INTERNAL", says: "the answer has no message" };
  const cut: Expected = { code: "INTERNAL", says: "the message is cut short" };
  const several: Expected = { code: "INTERNAL", says: "the answer has more than one message" };
  const late: Expected = { code: "DEADLINE_EXCEEDED", late: true };
  const twice = (hello: Uint8Array) => Buffer.concat([grpcMessage(hello), grpcMessage(hello)]);
  const empty = (id: number) => Array.from({ length: 100 }, () => data(id));
  const rows: Record<string, Rows[string]> = {
    "no message at all": [none, around(() => [])],
    "status 0 alone": [none, (id) => [only(id, { "grpc-status": "0" })]],
    "two messages": [several, answering(twice)],
    "two messages and no end": [several, (id, hello) => [begin(id), data(id, twice(hello))]],
    "two messages in two frames": [
      several,
      around((id, hello) => [message(id, hello), message(id, hello)]),
    ],
    "two messages and a status": [
      { code: "NOT_FOUND", go: ["INTERNAL", "it reads the messages first"] },
      (id, hello) => [begin(id), data(id, twice(hello)), end(id, "5", TEXT)],
    ],
    "a thousand empty messages": [several, answering(() => Buffer.alloc(5_000))],
    "a message and no end": [late, (id, hello) => [begin(id), message(id, hello)]],
    "headers and no end": [late, (id) => [begin(id)]],
    "nothing": [late, () => []],
    "a message larger than allowed": [
      "RESOURCE_EXHAUSTED",
      answering(() => grpcMessage(GREETING, 5 << 20)),
    ],
    "a message of 4 GiB": [
      "RESOURCE_EXHAUSTED",
      (id) => [begin(id), data(id, grpcMessage(GREETING, 2 ** 32 - 1))],
    ],
    "empty frames in between": [
      "OK",
      around((id, hello) => [...empty(id), message(id, hello), ...empty(id)]),
    ],
    "each byte a frame": [
      "OK",
      around((id, hello) => [...grpcMessage(hello)].map((byte) => data(id, Buffer.of(byte)))),
    ],
  };
  // In the prefix and the message.
  for (let at = 1; at <= 6; at++) {
    const answer = answering((hello) => grpcMessage(hello).subarray(0, at));
    rows[`a message cut at byte ${at}`] = [cut, answer];
  }
  return rows;
}

/** What gRPC makes of an HTTP status without a gRPC status: doc/http-grpc-status-mapping.md. */
const HTTP_STATUSES: Readonly<Partial<Record<StatusName, readonly number[]>>> = {
  UNKNOWN: [200, 204, 301, 405, 413, 500],
  INTERNAL: [400],
  UNAUTHENTICATED: [401],
  PERMISSION_DENIED: [403],
  UNIMPLEMENTED: [404],
  UNAVAILABLE: [429, 502, 503, 504],
};

/** An answer that is not gRPC. */
const notGrpc = (code: string, status: number, type: string): Expected => ({
  code: code as StatusName,
  says: `the answer is not gRPC: HTTP status ${status}, ${type}`,
});

function pages(): Rows {
  const waits = { go: ["DEADLINE_EXCEEDED", "it waits for the end of the page"] } as const;
  const rows: Record<string, [Expected, Frames]> = {};
  const statuses = Object.entries(HTTP_STATUSES)
    .flatMap(([code, all]) => all.map((status) => [status, code] as const));
  for (const [status, code] of statuses) {
    const page = { ":status": `${status}`, "content-type": "text/html", server: "nginx" };
    const expected = notGrpc(code, status, "content type text/html");
    rows[`page ${status}`] = [expected, (id) => [begin(id, page), data(id, PAGE, END_STREAM)]];
    rows[`page ${status} without a body`] = [expected, (id) => [only(id, page)]];
    rows[`page ${status} without an end`] = [
      { ...expected, ...waits },
      (id) => [begin(id, page), data(id, PAGE)],
    ];
    if (status === 200) continue;
    rows[`HTTP ${status} of gRPC's content type`] = [
      {
        ...notGrpc(code, status, "content type application/grpc"),
        go: ["UNKNOWN", "it takes the content type for a promise"],
      },
      (id) => [only(id, { ":status": `${status}` })],
    ];
  }
  const json = { "content-type": "application/json" };
  const web = { "content-type": "application/grpc-web" };
  const aborted = { ":status": "503", "grpc-status": "10", "grpc-message": "its words" };
  return {
    ...rows,
    "HTTP 503 with a gRPC status": [
      { code: "ABORTED", says: "its words" },
      (id) => [only(id, aborted)],
    ],
    "JSON": [
      { ...notGrpc("UNKNOWN", 200, "content type application/json"), ...waits },
      (id) => [begin(id, json), data(id, Buffer.from("{}"))],
    ],
    "gRPC-Web": [
      { ...notGrpc("UNKNOWN", 200, "content type application/grpc-web"), ...waits },
      (id, hello) => [begin(id, web), message(id, hello)],
    ],
    "no content type": [
      notGrpc("UNKNOWN", 200, "no content type"),
      withHeaders({ "content-type": "" }),
    ],
  };
}

function contentTypes(): Rows {
  const small: Expected = { code: "OK", go: ["UNKNOWN", "it knows small letters only"] };
  const types: Readonly<Record<string, StatusName | Expected>> = {
    "application/grpc+proto": "OK",
    "application/grpc;charset=utf-8": "OK",
    "Application/GRPC": small,
  };
  return Object.fromEntries(
    Object.entries(types).map(([type, expected]) => [
      `content type ${type}`,
      [expected, withHeaders({ "content-type": type })],
    ]),
  );
}

/** What gRPC makes of an RST_STREAM, INTERNAL of all others: doc/PROTOCOL-HTTP2.md, "Errors". */
const RESETS: Readonly<Record<number, StatusName | Expected>> = {
  3: { code: "INTERNAL", go: ["RESOURCE_EXHAUSTED", "flow control is a resource for it"] },
  7: "UNAVAILABLE",
  8: "CANCELLED",
  11: "RESOURCE_EXHAUSTED",
  12: "PERMISSION_DENIED",
  14: { code: "INTERNAL", go: ["UNKNOWN", "its table lacks the code"] },
};

function resets(): Rows {
  const rows: Record<string, Rows[string]> = {};
  for (let code = 0; code <= 14; code++) {
    const expected = RESETS[code] ?? "INTERNAL";
    const points: Readonly<Record<string, Frames>> = {
      "": () => [],
      " after headers": (id) => [begin(id)],
      " after a message": (id, hello) => [begin(id), message(id, hello)],
    };
    for (const [point, before] of Object.entries(points)) {
      rows[`reset ${code}${point}`] = [
        expected,
        (id, hello) => [...before(id, hello), rstStream(id, code)],
      ];
    }
    rows[`reset ${code} after the answer`] = [
      "OK",
      (id, hello) => [answer(id, hello), rstStream(id, code)],
    ];
  }
  return rows;
}

function others(): Rows {
  const interim = (id: number, status: string) => headers(id, [[":status", status], ["a", "b"]]);
  const fifty = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`x-${at}`, "value"]));
  return {
    "an answer": ["OK", (id, hello) => [answer(id, hello)]],
    "100 and 103 before the answer": [
      "OK",
      (id, hello) => [interim(id, "100"), interim(id, "103"), answer(id, hello)],
    ],
    "a header that gRPC does not allow": ["OK", withHeaders({ "x-text": "\xe9" })],
    "a header with a control character": ["OK", withHeaders({ "x-text": "a\xe9\x9b" })],
    "a trailer that gRPC does not allow": [
      { code: "NOT_FOUND", says: "its words" },
      (id) => [begin(id), end(id, "5", TEXT, ["x-text", "\xe9"])],
    ],
    "fifty headers": ["OK", withHeaders(fifty)],
  };
}

/** The table. */
export const answers = tableOf({
  ...others(),
  ...statuses(),
  ...unknownStatuses(),
  ...messages(),
  ...codings(),
  ...counts(),
  ...pages(),
  ...contentTypes(),
  ...resets(),
});
