/** Guards that change private parts of libraries notice when those are gone. */
import assert from "node:assert/strict";
import type { Server } from "node:net";
import { keepAccepting } from "../../src/workarounds/accept_after_emfile.ts";
import { programTest } from "../support/program.ts";

Deno.test("a node:net without a listening handle fails at the start", () => {
  assert.throws(
    () => keepAccepting({} as Server),
    /check src\/workarounds\/accept_after_emfile\.ts/,
  );
});

/** Each change of grpc-js, and the private methods that it replaces. */
async function guarded() {
  // They load gRPC, for which a bare `deno test` has no permissions.
  const grpcJs = "@grpc/grpc-js/build/src";
  const { Server } = await import("@grpc/grpc-js");
  const { BaseServerInterceptingCall: Call } = await import(`${grpcJs}/server-interceptors.js`);
  const { Http2SubchannelConnector: Connector } = await import(`${grpcJs}/transport.js`);
  const { default: { StreamDecoder } } = await import(`${grpcJs}/stream-decoder.js`);
  const { ignoreFarDeadlines } = await import("../../src/workarounds/far_deadlines.ts");
  const { readOddAnswers } = await import("../../src/workarounds/odd_answers.ts");
  const { limitMessages } = await import("../../src/workarounds/received_messages.ts");
  const { refuseCalls } = await import("../../src/workarounds/refused_calls.ts");
  const { readWholeMessages } = await import("../../src/workarounds/stream_decoder.ts");
  const limit = limitMessages({} as Parameters<typeof limitMessages>[0], 1);
  return [
    [Call, "handleTimeoutHeader", ignoreFarDeadlines],
    [Call, "handleDataFrame", limit],
    [Call, "decompressMessage", limit],
    [Connector, "connect", readOddAnswers],
    [Server, "_verifyContentType", () => refuseCalls(new Server())],
    [StreamDecoder, "write", readWholeMessages],
  ] as const;
}

programTest("a grpc-js without a private method that is replaced fails at the start", async () => {
  for (const [{ name, prototype }, method, change] of await guarded()) {
    const { [method]: kept } = prototype;
    delete prototype[method];
    assert.throws(change, new RegExp(`no ${name}\\.${method}, .* check src/workarounds/`));
    prototype[method] = kept;
  }
});

programTest("a change of grpc-js is made once, and again where it failed", async () => {
  const { changeGrpc } = await import("../../src/workarounds/private_parts.ts");
  const made: string[] = [];
  const first = () => void made.push("first");
  const second = () => {
    made.push("second");
    assert.ok(made.length > 2, "not yet");
  };
  assert.throws(() => changeGrpc(first, second), /not yet/);
  changeGrpc(first, second);
  changeGrpc(second, first);
  assert.deepEqual(made, ["first", "second", "second"]);
});
