/**
 * usersvc and a server by connect-go get the same requests of Connect and gRPC-Web, right ones and
 * wrong ones, and answer the same.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { goProgram } from "../support/go.ts";
import {
  ask,
  framed,
  GET_USER,
  message,
  type Received,
  type Sent,
  unframed,
} from "../support/http_client.ts";
import { linuxTest, withServe } from "../support/program.ts";

const ANN = message("Ann"), ANN_JSON = '{"username":"Ann"}';
const LONG_JSON = JSON.stringify({ username: "😀".repeat(256) });
const bytes = (...values: number[]) => Buffer.from(values);
const nested = (levels: number) =>
  `{"x":${"[".repeat(levels)}${"]".repeat(levels)},"username":"A"}`;
const zipped = gzipSync(ANN_JSON), cut = zipped.subarray(0, -4);
const GZIP = { "content-encoding": "gzip" }, WEB_GZIP = { "grpc-encoding": "gzip" };
const flagged = (flags: number, body: Uint8Array) => {
  const bytes = framed(body);
  bytes[0] = flags;
  return bytes;
};

const post = (type: string, body: string | Uint8Array, headers = {}): Sent => ({
  method: "POST",
  headers: { "content-type": type, ...headers },
  body,
});
const json = (body: string | Uint8Array, headers = {}) => post("application/json", body, headers);
const proto = (body: Uint8Array, headers = {}) => post("application/proto", body, headers);
const web = (body: Uint8Array, headers = {}) =>
  // connect-go compresses trailers too, also where only the request is compressed.
  post("application/grpc-web+proto", body, { "grpc-accept-encoding": "identity", ...headers });
const webJson = (body: string) => post("application/grpc-web+json", framed(Buffer.from(body)));
const get = (query: string, headers = {}): Sent => ({ path: `${GET_USER}?${query}`, headers });

/** The requests, by what they are. */
const CASES: Readonly<Record<string, Sent>> = {
  // Content types.
  "JSON": json(ANN_JSON),
  "JSON, charset": post("application/json; charset=utf-8", ANN_JSON),
  "JSON, charset without a space": post("application/json;charset=utf-8", ANN_JSON),
  "JSON, charset in capitals": post("Application/JSON; charset=UTF-8", ANN_JSON),
  "JSON, charset in quotes": post('application/json; charset="utf-8"', ANN_JSON),
  "JSON, another charset": post("application/json; charset=latin1", ANN_JSON),
  "JSON, another parameter": post("application/json; x=y", ANN_JSON),
  "proto": proto(ANN),
  "proto, charset": post("application/proto; charset=utf-8", ANN),
  "no codec": post("application/xml", ANN),
  "no content type": { method: "POST", body: ANN_JSON },
  "a stream of Connect": post("application/connect+json", framed(Buffer.from(ANN_JSON))),
  "gRPC-Web": web(framed(ANN)),
  "gRPC-Web without a codec": post("application/grpc-web", framed(ANN)),
  "gRPC-Web, charset": post("application/grpc-web+proto; charset=utf-8", framed(ANN)),
  "gRPC-Web, JSON": webJson(ANN_JSON),
  "gRPC-Web, no codec": post("application/grpc-web+xml", framed(ANN)),
  // Methods.
  "PUT": { ...json(ANN_JSON), method: "PUT" },
  "DELETE": { method: "DELETE" },
  // Versions and deadlines.
  "version 1": json(ANN_JSON, { "connect-protocol-version": "1" }),
  "version 2": json(ANN_JSON, { "connect-protocol-version": "2" }),
  "version 1.0": json(ANN_JSON, { "connect-protocol-version": "1.0" }),
  "no version": json(ANN_JSON, { "connect-protocol-version": "" }),
  "version 2, proto": proto(ANN, { "connect-protocol-version": "2" }),
  "version 2, gRPC-Web": web(framed(ANN), { "connect-protocol-version": "2" }),
  "a timeout": json(ANN_JSON, { "connect-timeout-ms": "5000" }),
  "a timeout of ten digits": json(ANN_JSON, { "connect-timeout-ms": "9999999999" }),
  "a timeout of eleven digits": json(ANN_JSON, { "connect-timeout-ms": "10000000000" }),
  "a timeout below zero": json(ANN_JSON, { "connect-timeout-ms": "-1" }),
  "a timeout that is none": json(ANN_JSON, { "connect-timeout-ms": "1s" }),
  "a timeout, gRPC-Web": web(framed(ANN), { "grpc-timeout": "5S" }),
  "a timeout that is none, gRPC-Web": web(framed(ANN), { "grpc-timeout": "5x" }),
  // JSON.
  "an empty body": json(""),
  "white space": json("  "),
  "an empty object": json("{}"),
  "null": json("null"),
  "an array": json("[]"),
  "a text": json('"Ann"'),
  "half an object": json('{"username":'),
  "more behind the object": json(`${ANN_JSON}x`),
  "two objects": json(`${ANN_JSON}${ANN_JSON}`),
  "a number for a text": json('{"username":1}'),
  "null for a text": json('{"username":null}'),
  "an unknown field": json('{"username":"Ann","x":{"y":[1,2]}}'),
  "a field twice": json('{"username":"Ann","username":"Bob"}'),
  "an unknown field twice": json('{"username":"Ann","x":1,"x":2}'),
  "a name in capitals": json('{"USERNAME":"Ann"}'),
  "a comment": json('{"username":"Ann"/**/}'),
  "single quotes": json("{'username':'Ann'}"),
  "NaN": json('{"username":"Ann","x":NaN}'),
  "a byte order mark": json(`\ufeff${ANN_JSON}`),
  "a lone surrogate, escaped": json('{"username":"\\ud800"}'),
  "a lone low surrogate, escaped": json('{"username":"a\\udc00b"}'),
  "a pair of surrogates, escaped": json('{"username":"\\ud83d\\ude00"}'),
  "a surrogate in an unknown field": json('{"username":"Ann","x":"\\ud800"}'),
  "an escaped NUL": json('{"username":"a\\u0000b"}'),
  "a raw control character": json('{"username":"a\u0001b"}'),
  "bytes that are not UTF-8": json(
    Buffer.concat([Buffer.from('{"username":"'), bytes(0xc3, 0x28), Buffer.from('"}')]),
  ),
  "bytes that are not UTF-8, in an unknown field": json(
    Buffer.concat([Buffer.from('{"username":"Ann","x":"'), bytes(0xff), Buffer.from('"}')]),
  ),
  "a surrogate in UTF-8": json(
    Buffer.concat([Buffer.from('{"username":"'), bytes(0xed, 0xa0, 0x80), Buffer.from('"}')]),
  ),
  "50 levels": json(nested(50)),
  "200 levels": json(nested(200)),
  "11,000 levels": json(nested(11_000)),
  "JSON of 100 KB": json(JSON.stringify({ username: "Ann", x: "x".repeat(100_000) })),
  "a blank name": json('{"username":" "}'),
  "a long name": json(JSON.stringify({ username: "a".repeat(300) })),
  "JSON of more than 4 MiB": json(JSON.stringify({ username: "a".repeat(5 << 20) })),
  // Messages.
  "an empty message": proto(bytes()),
  "an unknown field, proto": proto(Buffer.concat([bytes(0x10, 1), ANN])),
  "another wire type": proto(bytes(0x08, 1)),
  "another wire type, then the right one": proto(Buffer.concat([bytes(0x08, 1), ANN])),
  "a field twice, proto": proto(Buffer.concat([message("Bob"), ANN])),
  "a truncated message": proto(ANN.subarray(0, -1)),
  "a tag alone": proto(bytes(0x0a)),
  "field number 0": proto(bytes(0x02, 1, 0x41)),
  "a wire type that does not exist": proto(bytes(0x0f, 1)),
  "a message that is not UTF-8": proto(bytes(0x0a, 2, 0xc3, 0x28)),
  "an end of a group that was not begun": proto(bytes(0x0c)),
  "garbage": proto(Buffer.alloc(64, 0xff)),
  "groups, 200 deep": proto(Buffer.concat([
    Buffer.alloc(200, 0x13),
    Buffer.alloc(200, 0x14),
    ANN,
  ])),
  "a message of more than 4 MiB": proto(Buffer.alloc((4 << 20) + 1)),
  // Compression.
  "gzip": json(zipped, GZIP),
  "gzip, proto": proto(gzipSync(ANN), GZIP),
  "gzip, in capitals": json(zipped, { "content-encoding": "GZIP" }),
  "gzip in two parts": json(Buffer.concat([gzipSync('{"username"'), gzipSync(':"Ann"}')]), GZIP),
  "gzip, cut off": json(cut, GZIP),
  "gzip, cut off in its head": json(cut.subarray(0, 5), GZIP),
  "gzip, with garbage behind": json(Buffer.concat([zipped, bytes(1, 2, 3, 4)]), GZIP),
  "gzip with a wrong sum": json(
    Buffer.concat([zipped.subarray(0, -8), bytes(1, 2, 3, 4), zipped.subarray(-4)]),
    GZIP,
  ),
  "gzip that is none": json(ANN_JSON, GZIP),
  "gzip of nothing": proto(bytes(), GZIP),
  "gzip of more than 4 MiB": proto(gzipSync(Buffer.alloc(5 << 20)), GZIP),
  "identity": json(ANN_JSON, { "content-encoding": "identity" }),
  "br": json(ANN_JSON, { "content-encoding": "br" }),
  "zstd": json(ANN_JSON, { "content-encoding": "zstd" }),
  "an answer as gzip": json(LONG_JSON, { "accept-encoding": "gzip" }),
  "an answer as br or gzip": json(LONG_JSON, { "accept-encoding": "br, gzip" }),
  "an answer as br": json(LONG_JSON, { "accept-encoding": "br" }),
  // gRPC-Web.
  "no message": web(bytes()),
  "half a prefix": web(bytes(0, 0)),
  "a message that is cut off": web(framed(ANN).subarray(0, -1)),
  "two messages": web(Buffer.concat([framed(ANN), framed(ANN)])),
  "a message and garbage": web(Buffer.concat([framed(ANN), bytes(1, 2)])),
  "an empty message, gRPC-Web": web(framed(bytes())),
  "a broken message, gRPC-Web": web(framed(bytes(0x0a))),
  "broken JSON, gRPC-Web": webJson("{"),
  "gzip, gRPC-Web": web(flagged(1, gzipSync(ANN)), WEB_GZIP),
  "gzip that is not used, gRPC-Web": web(framed(ANN), WEB_GZIP),
  "gzip, cut off, gRPC-Web": web(flagged(1, gzipSync(ANN).subarray(0, -4)), WEB_GZIP),
  "compressed without an encoding, gRPC-Web": web(flagged(1, gzipSync(ANN))),
  "an unknown encoding and a charset": post("application/json; charset=utf-8", "{}", {
    "content-encoding": "snappy",
  }),
  "br, gRPC-Web": web(flagged(1, ANN), { "grpc-encoding": "br" }),
  "an unknown flag": web(flagged(2, ANN)),
  "trailers of the client": web(flagged(0x80, ANN)),
  "a message of more than 4 MiB, gRPC-Web": web(framed(Buffer.alloc((4 << 20) + 1))),
  "a length of 4 GiB, gRPC-Web": web(bytes(0, 255, 255, 255, 255, 0x0a)),
  // GET.
  "GET": get(`connect=v1&encoding=json&message=${encodeURIComponent(ANN_JSON)}`),
  "GET without a version": get(`encoding=json&message=${encodeURIComponent(ANN_JSON)}`),
  "GET of version 2": get(`connect=v2&encoding=json&message=${encodeURIComponent(ANN_JSON)}`),
  "GET of version 1": get(`connect=1&encoding=json&message=${encodeURIComponent(ANN_JSON)}`),
  "GET without an encoding": get(`connect=v1&message=${encodeURIComponent(ANN_JSON)}`),
  "GET of an unknown encoding": get(`encoding=xml&message=${encodeURIComponent(ANN_JSON)}`),
  "GET without a message": get("connect=v1&encoding=json"),
  "GET without a message, proto": get("connect=v1&encoding=proto"),
  "GET, base64": get(`encoding=proto&base64=1&message=${ANN.toString("base64url")}`),
  "GET, base64 with padding": get(
    `encoding=proto&base64=1&message=${message("Anna").toString("base64")}`,
  ),
  "GET, base64 of the other alphabet": get("encoding=json&base64=1&message=%2B%2F%2B%2F"),
  "GET, no base64": get("encoding=proto&base64=1&message=!!!!"),
  "GET, base64 that is cut off": get("encoding=proto&base64=1&message=A"),
  "GET, base64=2": get(`encoding=json&base64=2&message=${encodeURIComponent(ANN_JSON)}`),
  "GET, bytes that are not UTF-8": get("encoding=json&message=%7B%22username%22%3A%22%FF%22%7D"),
  "GET, gzip": get(
    `encoding=json&compression=gzip&base64=1&message=${zipped.toString("base64url")}`,
  ),
  "GET, gzip, cut off": get(
    `encoding=json&compression=gzip&base64=1&message=${cut.toString("base64url")}`,
  ),
  "GET, br": get("encoding=json&compression=br&message=%7B%7D"),
  "GET with a content type": get(`encoding=json&message=${encodeURIComponent(ANN_JSON)}`, {
    "content-type": "application/proto",
  }),
};

type Outcomes = Readonly<Record<string, readonly [connectGo: string, usersvc: string]>>;

const OK_JSON = '200 application/json {"message":"Привет, Ann!"}';
const OK_PROTO = "200 application/proto \n\x12Привет, Ann!";
const OK_WEB = "200 application/grpc-web+proto 0 \n\x12Привет, Ann!";
const INVALID = "400 invalid_argument", INVALID_WEB = "200 application/grpc-web+proto 3";
const INTERNAL_WEB = "200 application/grpc-web+proto 13";
const UNIMPLEMENTED_WEB = "200 application/grpc-web+proto 12";

/** Where the answers differ, by the reasons. */
const DIFFERENCES: Readonly<Record<string, Outcomes>> = {
  "a charset that says what is so anyway does no harm": {
    "proto, charset": ["415", OK_PROTO],
    "gRPC-Web, charset": ["415", OK_WEB],
  },
  "connect-es names the codec": {
    "gRPC-Web without a codec": ["200 application/grpc-web 0 \n\x12Привет, Ann!", OK_WEB],
  },
  "@bufbuild/protobuf refuses each key that is there twice, connect-go those that it knows": {
    "an unknown field twice": [OK_JSON, INVALID],
  },
  "@bufbuild/protobuf does not look into fields that it does not know": {
    "a surrogate in an unknown field": [INVALID, OK_JSON],
  },
  "a byte order mark may be ignored (RFC 8259, section 8.1)": {
    "a byte order mark": [INVALID, OK_JSON],
  },
  "the contract's messages hold one name: less is read": {
    "200 levels": ['200 application/json {"message":"Привет, A!"}', INVALID],
    "JSON of 100 KB": [OK_JSON, "429 resource_exhausted"],
    "groups, 200 deep": [OK_PROTO, INVALID],
  },
  "an answer of less than 1 KiB is not compressed": {
    "gzip": ["200 application/json compressed", OK_JSON],
    "gzip, proto": ["200 application/proto compressed", OK_PROTO],
    "gzip in two parts": ["200 application/json compressed", OK_JSON],
    "gzip, gRPC-Web": ["200 application/grpc-web+proto compressed", OK_WEB],
    "gzip that is not used, gRPC-Web": ["200 application/grpc-web+proto compressed", OK_WEB],
    "GET, gzip": ["200 application/json compressed", OK_JSON],
  },
  "what is broken is the client's mistake, not INTERNAL or UNKNOWN": {
    "half a prefix": [INTERNAL_WEB, INVALID_WEB],
    "a message that is cut off": [INTERNAL_WEB, INVALID_WEB],
    "a message and garbage": [INTERNAL_WEB, UNIMPLEMENTED_WEB],
    "an unknown flag": [INTERNAL_WEB, INVALID_WEB],
    "trailers of the client": [UNIMPLEMENTED_WEB, INVALID_WEB],
    "GET, base64 of the other alphabet": ["500 unknown", INVALID],
    "GET, no base64": ["500 unknown", INVALID],
    "GET, base64 that is cut off": ["500 unknown", INVALID],
  },
};

/** What an answer says, without the words of errors, and the charset that connect-go repeats. */
function outcome({ status, headers, body }: Received): string {
  const [type] = (headers["content-type"] ?? "").split(";");
  if (type!.startsWith("application/grpc-web")) {
    const { messages, trailers } = unframed(body);
    const code = headers["grpc-status"] ?? /grpc-status: *(\d+)/i.exec(trailers)?.[1];
    if (code === undefined) return `${status} ${type} compressed`;
    return `${status} ${type} ${code} ${messages.join()}`.trimEnd();
  }
  if (status === 200) {
    return `200 ${type} ${headers["content-encoding"] === undefined ? body : "compressed"}`;
  }
  return type === "application/json" ? `${status} ${JSON.parse(String(body)).code}` : `${status}`;
}

async function withConnectGo<T>(use: (port: number) => Promise<T>): Promise<T> {
  const program = await goProgram("connect_server");
  const server = new Deno.Command(program, { stdout: "piped" }).spawn();
  const lines = server.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    return await use(Number((await lines.read()).value));
  } finally {
    server.kill("SIGKILL");
    await lines.cancel();
    await server.status;
  }
}

linuxTest(
  "Connect and gRPC-Web are answered as by connect-go",
  () =>
    withConnectGo((go) =>
      withServe(async ({ port }) => {
        const differences: Outcomes = Object.assign({}, ...Object.values(DIFFERENCES));
        const found: Record<string, readonly [string, string]> = {};
        for (const [name, sent] of Object.entries(CASES)) {
          const answers = [go, port].map((port) =>
            ask({ port, version: 1 }, { path: GET_USER, ...sent })
          );
          const [theirs, ours] = (await Promise.all(answers)).map(outcome);
          if (theirs !== ours) found[name] = [theirs!, ours!];
        }
        assert.deepEqual(found, differences);
      })
    ),
);
