import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { posixTest, withServe } from "./program.ts";
import { openSession, sendMessage, startCall } from "./raw_client.ts";

/** Frames a message as gRPC does: a flag, a length of four bytes, the message. */
function frame(message: number[] | Buffer, flag = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, Buffer.from(message)]);
}

const ALICE = [0x0a, 0x05, ...Buffer.from("Alice")];

const cases: [what: string, frame: Buffer, status: string][] = [
  ["a valid message", frame(ALICE), "0"],
  [
    "unknown fields of every kind",
    frame([...ALICE, 0x10, 1, 0x19, 1, 2, 3, 4, 5, 6, 7, 8, 0x22, 1, 9, 0x2d, 1, 2, 3, 4]),
    "0",
  ],
  ["an unknown group", frame([...ALICE, 0x13, 0x18, 1, 0x14]), "0"],
  ["no field", frame([]), "3"],
  ["a compressed flag without grpc-encoding", frame(ALICE, 1), "13"],
  ["bytes that are not protobuf", frame([0xff, 0xff, 0xff]), "13"],
  ["a truncated string", frame([0x0a, 0x7f, 0x41]), "13"],
  ["a number where the string should be", frame([0x08, 0x01]), "13"],
  ["a string that is not UTF-8", frame([0x0a, 0x02, 0xc3, 0x28]), "13"],
  ["field number 0", frame([0x02, 0x01, 0x41]), "13"],
  ["a varint without end", frame([...ALICE, 0x10, ...Array(11).fill(0x80)]), "13"],
  ["a group without end", frame([...ALICE, 0x13]), "13"],
  ["the end of another group", frame([...ALICE, 0x13, 0x1c]), "13"],
  ["groups nested without end", frame([...ALICE, ...Array(100_000).fill(0x13)]), "13"],
  ["a message of 4 MiB + 1", frame(Buffer.alloc(4 * 1024 * 1024 + 1)), "8"],
];

posixTest(
  "what is not a valid message is refused as grpc-go does, and the connection lives on",
  () =>
    withServe(async (server) => {
      const session = await openSession(server.port);
      for (const [what, bytes, status] of cases) {
        assert.equal((await sendMessage(startCall(session), bytes)).status, status, what);
      }
      session.close();
    }),
);

/** Requests that no service beside the contract's may take for a message. */
const malformed: [what: string, frame: Buffer][] = cases
  .filter(([, , status]) => status === "13")
  .map(([what, bytes]) => [what, bytes]);

const reflectionOf = (version: string) =>
  `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;

for (
  const [path, more] of [
    ["/grpc.health.v1.Health/Check", []],
    ["/grpc.health.v1.Health/Watch", []],
    ...["v1", "v1alpha"].map((version) =>
      [reflectionOf(version), [
        ["a number as the name of a file", frame([0x18, 0x01])],
        [
          "a type that is not UTF-8 in a question about extensions",
          frame([0x2a, 3, 0x0a, 1, 0xff]),
        ],
        ["a string as the number of an extension", frame([0x2a, 3, 0x12, 1, 0x41])],
      ]] as const
    ),
  ] as const
) {
  posixTest(
    `what is not a valid message of ${path} is answered INTERNAL`,
    () =>
      withServe(async (server) => {
        const session = await openSession(server.port);
        for (const [what, bytes] of [...malformed, ...more]) {
          const stream = startCall(session, { ":path": path });
          assert.equal((await sendMessage(stream, bytes)).status, "13", what);
        }
        session.close();
      }),
  );
}
