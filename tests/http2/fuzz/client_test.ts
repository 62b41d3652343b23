/**
 * Our client beside that of golang.org/x/net/http2: random and mutated answers of a server, to each
 * frame the same frames, and of each request the same outcome, but for the differences that are listed.
 *
 * Usage: deno task test:fuzz, or deno test -A tests/http2/fuzz/client_test.ts -- SEED [COUNT].
 */
import { Buffer } from "node:buffer";
import { type Events, readEvents } from "../../support/http2_events.ts";
import { CLIENT_DIFFERENCES } from "./client_differences.ts";
import { compareWith } from "./compare.ts";
import { replay } from "./corpus.ts";
import { goTest, type Reader, withLength } from "./go_peer.ts";
import { clientEvents } from "./our_client.ts";
import { serverFrames } from "./random_frames.ts";
import { type Choices, forEachCase } from "./seeds.ts";

function goEvents(answer: Reader, count: number): Events[] {
  const reader = readEvents();
  return Array.from({ length: count }, () => {
    if (answer.isAtEnd) return [];
    const events = reader.take(answer.bytes());
    const ended = answer.bytes().toString();
    if (ended !== "") events.push(...ended.split("\n"));
    return answer.u8() === 1 ? [...events, "closed"] : events;
  });
}

goTest("our client makes of answers what Go's does", async (go) => {
  const comparison = compareWith("client", CLIENT_DIFFERENCES);
  let whole = 0;
  const compare = async (frames: Buffer[], choices: Choices, seed?: number) => {
    const asked = go.ask("C", Buffer.concat(frames.map(withLength)));
    const ours = await clientEvents(frames, choices);
    if (comparison.compare(frames, ours, goEvents(await asked, frames.length), seed)) whole++;
  };
  await replay("client", compare);
  const count = await forEachCase(
    "client",
    10_000,
    (choices, seed) => compare(serverFrames(choices), choices, seed),
  );
  console.log(`${whole} of ${count} connections were compared to their end`);
  comparison.report();
});
