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
    rows[`status ${odd}`] = [expected, (id) => [begin(id), end(id, utf8(odd), TEXT)]];
    rows[`status ${odd} alone`] = [
      expected,
      (id) => [only(id, { "grpc-status": utf8(odd), "grpc-message": "its words" })],
    ];
  }
  rows["no status in trailers"] = [
    { code: "UNKNOWN", says: "the answer has no grpc-status" },
    (id, hello) => [
      begin(id),
      message(id, hello),
      headers(id, [["x", "y"]], Flag.END_HEADERS | END_STREAM),
    ],
  ];
  rows["no status in the only headers"] = [
    { code: "UNKNOWN", says: "the answer has no grpc-status" },
    (id) => [only(id)],
  ];
  rows["an empty status"] = [
    { code: "UNKNOWN", says: 'the server sent the status "", which gRPC does not know' },
    (id) => [begin(id), end(id, "")],
  ];
  rows["no trailers"] = [
    { code: "INTERNAL" },
    (id, hello) => [begin(id), data(id, grpcMessage(hello), END_STREAM)],
  ];
  return rows;
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
  const rows = Object.entries(texts).map(([name, [sent, shown]]) =>
    [`a message ${name}`, [
      { code: "NOT_FOUND", says: shown },
      (id: number) => {
        const block = headerBlock([["grpc-status", "5"], ["grpc-message", sent]]);
        return [begin(id), ...blockFrames(id, block, { flags: END_STREAM })];
      },
    ]] as const
  );
  return {
    ...Object.fromEntries(rows),
    "no message": [{ code: "NOT_FOUND", says: "" }, (id) => [begin(id), end(id, "5")]],
  };
}

/** A message that is not what its flag, the encoding or the contract says. */
function codings(): Rows {
  const packed = (id: number, encoding: string, bytes: Uint8Array, flag = 1) => [
    begin(id, { "grpc-encoding": encoding }),
    data(id, grpcMessage(bytes, bytes.length, flag)),
    end(id, "0"),
  ];
  const refused = (says: string): Expected => ({ code: "INTERNAL", says });
  return {
    "compressed without an encoding": [
      refused("the message is compressed, but the server named no encoding"),
      (id, hello) => packed(id, "", hello),
    ],
    "compressed with identity": [
      refused("the message is compressed, but the server named no encoding"),
      (id, hello) => packed(id, "identity", hello),
    ],
    "compressed with br": [
      refused('the message is compressed with "br", which is not supported'),
      (id, hello) => packed(id, "br", hello),
    ],
    "not compressed, of the encoding br": ["OK", (id, hello) => packed(id, "br", hello, 0)],
    "compressed with gzip": ["OK", (id, hello) => packed(id, "gzip", gzipSync(hello))],
    "compressed with deflate": [
      { code: "OK", go: ["INTERNAL", "it has no deflate"] },
      (id, hello) => packed(id, "deflate", deflateSync(hello)),
    ],
    "gzip that is none": ["INTERNAL", (id, hello) => packed(id, "gzip", hello)],
    "gzip that is cut": [
      "INTERNAL",
      (id, hello) => packed(id, "gzip", gzipSync(hello).subarray(0, 15)),
    ],
    "gzip of 8 MB": [
      "RESOURCE_EXHAUSTED",
      (id) => packed(id, "gzip", gzipSync(new Uint8Array(8 << 20))),
    ],
    "the flag 2": [
      refused("the message has the flag 2, which gRPC does not know"),
      (id, hello) => packed(id, "", hello, 2),
    ],
    "not valid UTF-8": [
      "INTERNAL",
      (id) => [begin(id), message(id, Buffer.of(0x0a, 2, 0xff, 0xfe)), end(id, "0")],
    ],
    "not protobuf": ["INTERNAL", (id) => [begin(id), message(id, Buffer.of(0xff)), end(id, "0")]],
  };
}

function counts(): Rows {
  const none: Expected = { code: "INTERNAL", says: "the answer has no message" };
  const cut: Expected = { code: "INTERNAL", says: "the message is cut short" };
  const several: Expected = { code: "INTERNAL", says: "the answer has more than one message" };
  const twice = (id: number, hello: Uint8Array) =>
    data(id, Buffer.concat([grpcMessage(hello), grpcMessage(hello)]));
  const frames: Rows = {
    "no message at all": [none, (id) => [begin(id), end(id, "0")]],
    "status 0 alone": [none, (id) => [only(id, { "grpc-status": "0" })]],
    "two messages": [several, (id, hello) => [begin(id), twice(id, hello), end(id, "0")]],
    "two messages and no end": [several, (id, hello) => [begin(id), twice(id, hello)]],
    "two messages in two frames": [
      several,
      (id, hello) => [begin(id), message(id, hello), message(id, hello), end(id, "0")],
    ],
    "two messages and a status": [
      { code: "NOT_FOUND", go: ["INTERNAL", "it reads the messages first"] },
      (id, hello) => [begin(id), twice(id, hello), end(id, "5", TEXT)],
    ],
    "a thousand empty messages": [
      several,
      (id) => [begin(id), data(id, Buffer.alloc(5_000)), end(id, "0")],
    ],
    "a message and no end": [
      { code: "DEADLINE_EXCEEDED", late: true },
      (id, hello) => [begin(id), message(id, hello)],
    ],
    "headers and no end": [{ code: "DEADLINE_EXCEEDED", late: true }, (id) => [begin(id)]],
    "nothing": [{ code: "DEADLINE_EXCEEDED", late: true }, () => []],
    "a message larger than allowed": [
      "RESOURCE_EXHAUSTED",
      (id) => [begin(id), data(id, grpcMessage(GREETING, 5 << 20)), end(id, "0")],
    ],
    "a message of 4 GiB": [
      "RESOURCE_EXHAUSTED",
      (id) => [begin(id), data(id, grpcMessage(GREETING, 2 ** 32 - 1))],
    ],
    "empty frames in between": ["OK", (id, hello) => [
      begin(id),
      ...Array.from({ length: 100 }, () => data(id)),
      message(id, hello),
      ...Array.from({ length: 100 }, () => data(id)),
      end(id, "0"),
    ]],
    "each byte a frame": ["OK", (id, hello) => [
      begin(id),
      ...[...grpcMessage(hello)].map((byte) => data(id, Buffer.of(byte))),
      end(id, "0"),
    ]],
  };
  // At each byte of the prefix and the message.
  const cuts = Array.from({ length: 6 }, (_, length) =>
    [`a message cut at byte ${length + 1}`, [
      cut,
      (id: number, hello: Uint8Array) => [
        begin(id),
        data(id, grpcMessage(hello).subarray(0, length + 1)),
        end(id, "0"),
      ],
    ]] as const);
  return { ...frames, ...Object.fromEntries(cuts) };
}

/** What gRPC makes of an HTTP status without a gRPC status: doc/http-grpc-status-mapping.md. */
const HTTP_STATUSES: Readonly<Record<number, StatusName>> = {
  200: "UNKNOWN",
  204: "UNKNOWN",
  301: "UNKNOWN",
  400: "INTERNAL",
  401: "UNAUTHENTICATED",
  403: "PERMISSION_DENIED",
  404: "UNIMPLEMENTED",
  405: "UNKNOWN",
  413: "UNKNOWN",
  429: "UNAVAILABLE",
  500: "UNKNOWN",
  502: "UNAVAILABLE",
  503: "UNAVAILABLE",
  504: "UNAVAILABLE",
};

const WAITS = ["DEADLINE_EXCEEDED", "it waits for the end of the page"] as const;

function pages(): Rows {
  const rows: Record<string, [Expected, Frames]> = {};
  for (const [status, code] of Object.entries(HTTP_STATUSES)) {
    const page = { ":status": status, "content-type": "text/html", server: "nginx" };
    const expected = {
      code,
      says: `the answer is not gRPC: HTTP status ${status}, content type text/html`,
    };
    rows[`page ${status}`] = [expected, (id) => [begin(id, page), data(id, PAGE, END_STREAM)]];
    rows[`page ${status} without a body`] = [expected, (id) => [only(id, page)]];
    rows[`page ${status} without an end`] = [
      { ...expected, go: WAITS },
      (id) => [begin(id, page), data(id, PAGE)],
    ];
    if (status === "200") continue;
    rows[`HTTP ${status} of gRPC's content type`] = [
      {
        code,
        says: `the answer is not gRPC: HTTP status ${status}, content type application/grpc`,
        go: ["UNKNOWN", "it takes the content type for a promise"],
      },
      (id) => [only(id, { ":status": status })],
    ];
  }
  rows["HTTP 503 with a gRPC status"] = [
    {
      code: "ABORTED",
      says: "its words",
    },
    (id) => [only(id, { ":status": "503", "grpc-status": "10", "grpc-message": "its words" })],
  ];
  rows["JSON"] = [
    {
      code: "UNKNOWN",
      says: "the answer is not gRPC: HTTP status 200, content type application/json",
      go: WAITS,
    },
    (id) => [begin(id, { "content-type": "application/json" }), data(id, Buffer.from("{}"))],
  ];
  rows["gRPC-Web"] = [
    {
      code: "UNKNOWN",
      says: "the answer is not gRPC: HTTP status 200, content type application/grpc-web",
      go: WAITS,
    },
    (id, hello) => [begin(id, { "content-type": "application/grpc-web" }), message(id, hello)],
  ];
  rows["no content type"] = [
    { code: "UNKNOWN", says: "the answer is not gRPC: HTTP status 200, no content type" },
    (id, hello) => [begin(id, { "content-type": "" }), message(id, hello), end(id, "0")],
  ];
  return rows;
}

function contentTypes(): Rows {
  const types: Record<string, Expected> = {
    "application/grpc+proto": { code: "OK" },
    "application/grpc;charset=utf-8": { code: "OK" },
    "Application/GRPC": { code: "OK", go: ["UNKNOWN", "it knows small letters only"] },
  };
  return Object.fromEntries(
    Object.entries(types).map(([type, expected]) => [`content type ${type}`, [
      expected,
      (id: number, hello: Uint8Array) => [
        begin(id, { "content-type": type }),
        message(id, hello),
        end(id, "0"),
      ],
    ]]),
  );
}

/** What gRPC makes of an RST_STREAM: doc/PROTOCOL-HTTP2.md, "Errors". */
const RESETS: readonly (StatusName | Expected)[] = [
  "INTERNAL",
  "INTERNAL",
  "INTERNAL",
  { code: "INTERNAL", go: ["RESOURCE_EXHAUSTED", "flow control is a resource for it"] },
  "INTERNAL",
  "INTERNAL",
  "INTERNAL",
  "UNAVAILABLE",
  "CANCELLED",
  "INTERNAL",
  "INTERNAL",
  "RESOURCE_EXHAUSTED",
  "PERMISSION_DENIED",
  "INTERNAL",
  { code: "INTERNAL", go: ["UNKNOWN", "its table lacks the code"] },
];

function resets(): Rows {
  const rows: Record<string, [StatusName | Expected, Frames]> = {};
  for (const [code, expected] of RESETS.entries()) {
    rows[`reset ${code}`] = [expected, (id) => [rstStream(id, code)]];
    rows[`reset ${code} after headers`] = [expected, (id) => [begin(id), rstStream(id, code)]];
    rows[`reset ${code} after a message`] = [
      expected,
      (id, hello) => [begin(id), message(id, hello), rstStream(id, code)],
    ];
    rows[`reset ${code} after the answer`] = [
      "OK",
      (id, hello) => [answer(id, hello), rstStream(id, code)],
    ];
  }
  return rows;
}

function others(): Rows {
  const interim = (id: number, status: string) => headers(id, [[":status", status], ["a", "b"]]);
  return {
    "an answer": ["OK", (id, hello) => [answer(id, hello)]],
    "100 and 103 before the answer": [
      "OK",
      (id, hello) => [interim(id, "100"), interim(id, "103"), answer(id, hello)],
    ],
    "a header that gRPC does not allow": [
      "OK",
      (id, hello) => [begin(id, { "x-text": "\xe9" }), message(id, hello), end(id, "0")],
    ],
    "a header with a control character": [
      "OK",
      (id, hello) => [begin(id, { "x-text": "a\xe9\x9b" }), message(id, hello), end(id, "0")],
    ],
    "a trailer that gRPC does not allow": [
      { code: "NOT_FOUND", says: "its words" },
      (id) => [begin(id), end(id, "5", TEXT, ["x-text", "\xe9"])],
    ],
    "fifty headers": ["OK", (id, hello) => [
      begin(id, Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`x-${at}`, "value"]))),
      message(id, hello),
      end(id, "0"),
    ]],
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
