import assert from "node:assert/strict";
import type { Buffer } from "node:buffer";
import { getUserRequest, grpcMessage } from "../support/frames.ts";
import { posixServeTest } from "../support/program.ts";
import { type Answer, openSession, sendMessage, startCall } from "../support/raw_client.ts";
import { frame, wireCases } from "../support/wire_cases.ts";

const internal = "13";

posixServeTest(
  "what is not a valid message is refused as grpc-go and grpcio do, and the connection lives on",
  async (server) => {
    const session = await openSession(server.port);
    for (const { what, bytes, name, status = internal } of wireCases) {
      assert.deepEqual(await sendMessage(startCall(session), bytes), expected(name, status), what);
    }
    session.close();
  },
);

posixServeTest("a message may come in any two parts", async (server) => {
  const session = await openSession(server.port);
  const message = grpcMessage(getUserRequest("Alice"));
  for (let length = 1; length < message.length; length++) {
    const call = startCall(session);
    call.write(message.subarray(0, length));
    assert.deepEqual(await sendMessage(call, message.subarray(length)), expected("Alice", ""));
  }
  session.close();
});

/** What usersvc answers; it alone refuses an empty name. */
function expected(name: string | undefined, invalid: string): Answer {
  if (name === undefined) return { status: invalid, message: undefined };
  if (name === "") return { status: "3", message: undefined };
  return { status: "0", message: `Привет, ${name}!` };
}

/** Requests that no service beside the contract's may take for a message. */
const malformed: [what: string, frame: Buffer][] = wireCases
  .filter(({ name, status = internal }) => name === undefined && status === internal)
  .map(({ what, bytes }) => [what, bytes]);

const reflectionOf = (version: string) =>
  `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;

for (
  const [path, more] of [
    ["/grpc.health.v1.Health/Check", []],
    ["/grpc.health.v1.Health/Watch", []],
    ...["v1", "v1alpha"].map((version) =>
      [reflectionOf(version), [
        [
          "a type that is not UTF-8 in a question about extensions",
          frame([0x2a, 3, 0x0a, 1, 0xff]),
        ],
      ]] as const
    ),
  ] as const
) {
  posixServeTest(`what is not a valid message of ${path} is answered INTERNAL`, async (server) => {
    const session = await openSession(server.port);
    for (const [what, bytes] of [...malformed, ...more]) {
      const stream = startCall(session, { ":path": path });
      assert.equal((await sendMessage(stream, bytes)).status, internal, what);
    }
    session.close();
  });
}

posixServeTest(
  "a field of another wire type is skipped by the other services as well",
  async (server) => {
    const session = await openSession(server.port);
    const status = async (path: string, bytes: number[]) =>
      (await sendMessage(startCall(session, { ":path": path }), frame(bytes))).status;
    assert.equal(await status("/grpc.health.v1.Health/Check", [0x08, 0x05]), "0");
    for (const version of ["v1", "v1alpha"]) {
      // In the message within the request, the string "A" where the number of an extension should be.
      assert.equal(await status(reflectionOf(version), [0x2a, 3, 0x12, 1, 0x41]), "0");
    }
    session.close();
  },
);
