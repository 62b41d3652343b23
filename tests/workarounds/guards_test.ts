/** Guards that change private parts of libraries notice when those are gone. */
import assert from "node:assert/strict";
import type { Server as GrpcServer } from "@grpc/grpc-js";
import type { Server as NetServer } from "node:net";
import { keepAccepting } from "../../src/workarounds/accept_after_emfile.ts";
import { refuseCalls } from "../../src/workarounds/refused_calls.ts";
import { readWholeMessages } from "../../src/workarounds/stream_decoder.ts";
import { privateMethods } from "../../src/workarounds/private_parts.ts";

Deno.test("a grpc-js that refuses calls in another way fails at the start", () => {
  assert.throws(() => refuseCalls({} as GrpcServer), /check src\/workarounds\/refused_calls\.ts/);
});

Deno.test("a node:net without a listening handle fails at the start", () => {
  assert.throws(
    () => keepAccepting({} as NetServer),
    /check src\/workarounds\/accept_after_emfile\.ts/,
  );
});

Deno.test("a grpc-js whose client has other private methods fails at the first channel", () => {
  class Transport {
    createCall() {}
  }
  privateMethods<Transport>(Transport, ["createCall"]);
  assert.throws(
    () => privateMethods<Transport & { connect(): void }>(Transport, ["createCall", "connect"]),
    /no Transport\.connect, .* check src\/workarounds\//,
  );
});

Deno.test("a grpc-js that reads messages elsewhere fails at the start", () => {
  assert.throws(
    () => readWholeMessages({} as Parameters<typeof readWholeMessages>[0]),
    /check src\/workarounds\/stream_decoder\.ts/,
  );
});
