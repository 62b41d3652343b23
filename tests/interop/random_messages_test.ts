/**
 * usersvc and grpc-go get the same random messages, most of them not valid, and answer the same.
 *
 * Usage: deno task test:interop [-- SEED]. The messages follow from the seed, a random one by default.
 */
import assert from "node:assert/strict";
import type { Buffer } from "node:buffer";
import { usernameFault } from "../../src/contract/username.ts";
import { goServer, startServer } from "../../tools/peers/servers.ts";
import { grpcMessage } from "../support/frames.ts";
import { programTest, withServe } from "../support/program.ts";
import { type Answer, openSession, sendMessage, startCall } from "../support/raw_client.ts";
import { randomMessages } from "./random_messages.ts";

const MESSAGES = 20_000, AT_ONCE = 100;

const [seed = Math.floor(Math.random() * 1e6)] = Deno.args.map(Number);

const INVALID_ARGUMENT = "3", INTERNAL = "13";

/** Where the two differ, and what it takes for that in the bytes, in hexadecimal. */
const DIFFERENCES: readonly { reason: string; refusedBy: "usersvc" | "grpc-go"; hex: RegExp }[] = [
  {
    reason: "@bufbuild/protobuf takes no tag of more than five bytes or 32 bits",
    refusedBy: "usersvc",
    hex: /^(?:..)*(?:(?:[89a-f].){5}(?:80)*00|(?:[89a-f].){4}[123])/,
  },
  {
    reason: "usersvc skips groups that are nested 100 deep, grpc-go 10,000",
    refusedBy: "usersvc",
    hex: /(?:13){101}/,
  },
  {
    reason: "@bufbuild/protobuf ignores what a varint has beyond 64 bits",
    refusedBy: "grpc-go",
    hex: /^(?:..)*(?:[89a-f].){9}(?:0[2-9a-f]|[1-7])/,
  },
];

programTest(`random messages are answered as grpc-go answers them: seed ${seed}`, async () => {
  console.log(`seed ${seed}`);
  await using grpcGo = await startServer(await goServer());
  await withServe(async (server) => {
    const ask = await Promise.all([server, grpcGo].map(({ port }) => asker(port)));
    const messages = randomMessages(seed);
    const found = new Map<string, number>();
    for (let sent = 0; sent < MESSAGES; sent += AT_ONCE) {
      const some = Array.from({ length: AT_ONCE }, () => messages.next().value!);
      const [ours, theirs] = await Promise.all(ask.map((ask) => Promise.all(some.map(ask))));
      for (const [i, bytes] of some.entries()) {
        const result = compare(bytes, ours![i]!, theirs![i]!);
        found.set(result, (found.get(result) ?? 0) + 1);
      }
    }
    console.log(found);
    // All that is listed occurs, and enough messages of both kinds do.
    const expected = ["valid", "not valid", ...DIFFERENCES.map(({ reason }) => reason)];
    assert.deepEqual([...found.keys()].toSorted(), expected.toSorted());
    assert.ok(found.get("valid")! > MESSAGES / 10, `${found.get("valid")} valid messages`);
  });
});

/**
 * Compares the answers to a message.
 *
 * @returns what the message is, or the reason of a difference that is listed
 */
function compare(bytes: Buffer, ours: Answer, theirs: Answer): string {
  const hex = bytes.toString("hex");
  const refusedBy = ours.status === INTERNAL ? "usersvc" : "grpc-go";
  if ((ours.status === INTERNAL) !== (theirs.status === INTERNAL)) {
    const difference = DIFFERENCES.find((one) => one.refusedBy === refusedBy && one.hex.test(hex));
    if (difference !== undefined) return difference.reason;
  }
  assert.deepEqual(ours, expected(theirs), `seed ${seed}: ${hex}`);
  return ours.status === INTERNAL ? "not valid" : "valid";
}

/** What usersvc answers where grpc-go answers so: it alone refuses some names. */
function expected(theirs: Answer): Answer {
  if (theirs.message === undefined) return theirs;
  const name = theirs.message.slice("Привет, ".length, -"!".length);
  if (usernameFault(name) === undefined) return theirs;
  return { status: INVALID_ARGUMENT, message: undefined };
}

async function asker(port: number): Promise<(message: Buffer) => Promise<Answer>> {
  const session = await openSession(port);
  return (message) => sendMessage(startCall(session), grpcMessage(message));
}
