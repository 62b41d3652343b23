/**
 * Our client beside that of golang.org/x/net/http2: random and mutated answers of a server, to each
 * frame the same frames, and of each request the same outcome, but for the differences that are listed.
 *
 * Usage: deno task test:fuzz, or deno test -A tests/http2/fuzz/client_test.ts -- SEED [COUNT].
 */
import { CLIENT_DIFFERENCES } from "./client_differences.ts";
import { compareSides } from "./compare.ts";
import { clientEvents } from "./ours.ts";
import { serverFrames } from "./random_frames.ts";

compareSides("our client makes of answers what Go's does", {
  suite: "client",
  question: "C",
  cases: 10_000,
  legal: CLIENT_DIFFERENCES,
  random: serverFrames,
  ours: clientEvents,
});
