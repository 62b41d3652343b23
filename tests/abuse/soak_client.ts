/** Calls as fast as a server can answer, and checks every answer to the byte. */
import { Buffer } from "node:buffer";
import {
  call,
  Flag,
  FrameType,
  grpcMessage,
  MAX_WINDOW,
  PREFACE,
  type ReceivedFrame,
  Setting,
  settings,
  windowUpdate,
} from "../support/frames.ts";
import { readFrames } from "../support/http2_peer.ts";

const NAME = "Alice";

/** A GetUserResponse (field 1, the greeting) with its prefix. */
const greeting = Buffer.from(`Привет, ${NAME}!`);
const expected = grpcMessage(Buffer.concat([Buffer.of(0x0a, greeting.length), greeting]));

// Without a dynamic table, trailers that say the same have the same bytes.
const opening = Buffer.concat([
  PREFACE,
  settings([Setting.HEADER_TABLE_SIZE, 0]),
  windowUpdate(0, MAX_WINDOW - 65_535),
]);

/** What was not answered as it should be. */
export class SoakError extends Error {
  override name = "SoakError";
}

/**
 * Makes calls on one connection of its own.
 *
 * @param calls how many
 * @param streams how many of them are under way at once
 * @throws {SoakError} at the first call that is not answered with the greeting and then with the
 * same trailers as the first call
 */
export async function soakConnection(port: number, calls: number, streams: number): Promise<void> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  connection.setNoDelay(true);
  const answers = checkAnswers();
  let begun = 0;
  let written = Promise.resolve();
  const begin = (count: number, ...before: Buffer[]) => {
    const ids = Array.from({ length: Math.min(count, calls - begun) }, () => 2 * begun++ + 1);
    const bytes = Buffer.concat([...before, ...ids.map((id) => call(id, NAME))]);
    written = written.then(() => writeAll(connection, bytes));
  };
  let due = 0;
  begin(streams, opening);
  try {
    await readFrames(connection, (frame) => {
      if (!answers.take(frame)) return;
      if (answers.count === calls) connection.close();
      // The calls that a chunk of answers makes room for travel together.
      else if (due++ === 0) queueMicrotask(() => [begin(due), due = 0]);
    });
    if (answers.count < calls) throw new SoakError(`the connection ended after ${answers.count}`);
    await written;
  } catch (error) {
    if (answers.count < calls) throw error;
  }
}

/** Counts the calls that were answered as they should be. */
function checkAnswers() {
  const greeted = new Set<number>();
  let trailers: Buffer | undefined;
  const answers = {
    count: 0,
    /** Takes a frame and says whether it has ended a call. */
    take({ type, flags, streamId, payload }: ReceivedFrame): boolean {
      const fail = (why: string) => new SoakError(`call ${answers.count + 1}: ${why}`);
      if (type === FrameType.DATA) {
        if (!expected.equals(payload)) throw fail("another greeting");
        greeted.add(streamId);
      } else if (type === FrameType.HEADERS && flags & Flag.END_STREAM) {
        if (!greeted.delete(streamId)) throw fail("no greeting");
        trailers ??= Buffer.from(payload);
        if (!trailers.equals(payload)) throw fail("other trailers than the first call's");
        answers.count++;
        return true;
      } else if (type === FrameType.RST_STREAM || type === FrameType.GOAWAY) {
        throw fail(`a frame of type ${type}`);
      }
      return false;
    },
  };
  return answers;
}

async function writeAll(connection: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let rest = bytes; rest.length > 0;) rest = rest.subarray(await connection.write(rest));
}
