/**
 * Our server beside that of golang.org/x/net/http2: random and mutated frames, to each frame the
 * same answer, but for the differences that are listed.
 *
 * Usage: deno task test:fuzz, or deno test -A tests/http2/fuzz/server_test.ts -- SEED [COUNT].
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { FrameType } from "../../support/frames.ts";
import { compareSides } from "./compare.ts";
import { idOf, typeOf } from "./frame_parts.ts";
import { eventsOfPieces, serverEvents } from "./ours.ts";
import { clientFrames } from "./random_frames.ts";
import { type Choices, forEachCase } from "./seeds.ts";
import { SERVER_DIFFERENCES } from "./server_differences.ts";

compareSides("our server answers as Go's does", {
  suite: "server",
  question: "S",
  cases: 20_000,
  legal: SERVER_DIFFERENCES,
  random: clientFrames,
  ours: serverEvents,
});

/** Trailers are told a tick later, and what comes with GOAWAY may be read before we close or not. */
function dependsOnTime(frames: readonly Buffer[]): boolean {
  const begun = frames.filter((frame) => typeOf(frame) === FrameType.HEADERS).map(idOf);
  return new Set(begun).size < begun.length ||
    frames.some((frame) => typeOf(frame) === FrameType.GOAWAY);
}

function cut(bytes: Buffer, choices: Choices): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += pieces.at(-1)!.length) {
    pieces.push(bytes.subarray(at, at + 1 + choices.below(choices.pick([10, 300, 3000]))));
  }
  return pieces;
}

Deno.test("it does not matter to our server how frames are cut into pieces", async () => {
  let compared = 0;
  const count = await forEachCase("server", 5_000, async (choices) => {
    const frames = clientFrames(choices);
    if (dependsOnTime(frames)) return;
    const pieces = cut(Buffer.concat(frames), choices);
    assert.deepEqual(await eventsOfPieces(pieces), await eventsOfPieces(frames));
    compared++;
  });
  console.log(`${compared} of ${count} connections were compared`);
});
