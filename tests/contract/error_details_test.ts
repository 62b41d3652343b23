import assert from "node:assert/strict";
import type { ServiceError } from "@grpc/grpc-js";
import {
  badRequest,
  DETAILS_TRAILER,
  encodeStatus,
  errorDetails,
} from "../../src/contract/error_details.ts";
import { programTest } from "../support/program.ts";

const TYPE = "type.googleapis.com/google.rpc.BadRequest";

async function detailsIn(bytes: Uint8Array) {
  // A bare `deno test` has no permission to load it.
  const { Metadata } = await import("@grpc/grpc-js");
  const metadata = new Metadata();
  metadata.set(DETAILS_TRAILER, Buffer.from(bytes));
  return await errorDetails({ metadata } as ServiceError);
}

/** A field of strings, bytes or messages, shorter than 128 bytes. */
function field(number: number, value: string | readonly number[]): number[] {
  const bytes = typeof value === "string" ? [...new TextEncoder().encode(value)] : value;
  return [number << 3 | 2, bytes.length, ...bytes];
}

programTest("google.rpc.BadRequest is decoded, of other types the bytes are told", async () => {
  const violations = [{ field: "username", description: "пусто" }, { field: "", description: "" }];
  assert.deepEqual(await detailsIn(encodeStatus(3, "no", [badRequest(violations)])), [
    { "@type": TYPE, fieldViolations: violations },
  ]);
  const other = field(3, [...field(1, "type.googleapis.com/google.rpc.Other"), ...field(2, "abc")]);
  assert.deepEqual(await detailsIn(new Uint8Array([8, 3, ...field(2, "no"), ...other])), [
    { "@type": "type.googleapis.com/google.rpc.Other", value: "YWJj" },
  ]);
});

programTest(
  "types of error_details.proto are decoded, of broken ones the bytes are told",
  async () => {
    const duration = [0x08, 1, 0x10, 0x80, 0xca, 0xb5, 0xee, 0x01];
    const errorInfo = [
      ...[...field(1, "X"), ...field(2, "a.test")],
      ...field(3, [...field(1, "constructor"), ...field(2, "1")]),
    ];
    const details = [
      ["google.rpc.RetryInfo", field(1, duration)],
      ["google.rpc.ErrorInfo", errorInfo],
      ["google.rpc.RetryInfo", [0x0a, 9, 1]],
      ["google.rpc.Unknown", [1, 2, 3]],
    ] as const;
    const sent = details.map(([type, bytes]) => ({ type, value: new Uint8Array(bytes) }));
    assert.deepEqual(await detailsIn(encodeStatus(14, "no", sent)), [
      { "@type": "type.googleapis.com/google.rpc.RetryInfo", retryDelay: "1.500s" },
      {
        ...{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "X", domain: "a.test" },
        metadata: { constructor: "1" },
      },
      { "@type": "type.googleapis.com/google.rpc.RetryInfo", value: "CgkB" },
      { "@type": "type.googleapis.com/google.rpc.Unknown", value: "AQID" },
    ]);
  },
);

programTest("no details, and details that are not valid, are none", async () => {
  const { Metadata } = await import("@grpc/grpc-js");
  assert.equal(await errorDetails({ metadata: new Metadata() } as ServiceError), undefined);
  const invalid = [
    [],
    [8, 3],
    [0xff],
    field(3, [0x08, 1]),
    field(2, [0xff]),
    field(3, [...field(1, TYPE), ...field(2, field(1, field(1, [0xc0, 0x80])))]),
    [3 << 3, 1],
    field(3, [...field(1, TYPE), 2 << 3 | 2, 100]),
  ];
  for (const bytes of invalid) {
    assert.equal(await detailsIn(new Uint8Array(bytes)), undefined, `${bytes}`);
  }
});

programTest("no bytes make the decoder throw", async () => {
  const valid = encodeStatus(3, "no", [badRequest([{ field: "username", description: "x" }])]);
  for (let length = 0; length < valid.length; length++) await detailsIn(valid.subarray(0, length));
  for (let at = 0; at < valid.length; at++) {
    for (let byte = 0; byte < 256; byte++) {
      const changed = valid.slice();
      changed[at] = byte;
      await detailsIn(changed);
    }
  }
});
