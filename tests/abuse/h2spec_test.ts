import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { createServer } from "../../src/http2/http2.ts";
import type { Stream } from "../../src/http2/stream.ts";
import { goPeer } from "../../tools/peers/install.ts";
import { linuxTest } from "../support/program.ts";
import { survives } from "./survival.ts";

/** A conformance tester of HTTP/2 servers: almost all that it sends is wrong. */
const h2spec = goPeer("h2spec", "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible");

/** How long h2spec waits for an answer that does not come, in seconds. */
const TIMEOUT_S = 2;

/** All of h2spec. Side by side, since it waits most of the time. */
const SECTIONS: readonly string[] = [
  "generic",
  ...["http2/3", "http2/4", "http2/5", "http2/6", "http2/7"],
  ...["http2/8.1/1", "http2/8.1.2/1", "http2/8.1.2.1", "http2/8.1.2.2", "http2/8.1.2.3"],
  ...["http2/8.1.2.6", "http2/8.2"],
  "hpack",
];

/** How many cases that makes. */
const CASES = 145;

/**
 * What the program does otherwise: what does not begin as HTTP/2 is HTTP/1.1 to it, and is answered 400,
 * which h2spec takes for a frame.
 */
const OTHERWISE = ["Sends invalid connection preface"];

survives("h2spec to its end", async ({ port }) => {
  assert.deepEqual(await failedCases(port), OTHERWISE);
}, {
  warmUp: async ({ port }) => void await runH2spec(port, "hpack"),
});

for (
  const [what, answers, run] of [
    ["a server that has nothing but HTTP/2", "end", failedCases],
    ["the streams of one that answers before it reads", "stream", failedStreams],
  ] as const
) {
  linuxTest(`h2spec finds no fault with ${what}`, async () => {
    const server = createServer({ settings: { maxConcurrentStreams: 100 } });
    server.on("stream", (stream: Stream) => {
      const answer = () => {
        stream.respond({ ":status": "200" });
        stream.end(new TextEncoder().encode("an answer"));
      };
      // With the end of its request, or with the stream.
      if (answers === "end") stream.on("end", answer);
      else answer();
      stream.resume();
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    try {
      assert.deepEqual(await run((server.address() as AddressInfo).port), []);
    } finally {
      server.close();
    }
  });
}

async function failedStreams(port: number): Promise<string[]> {
  return (await runH2spec(port, "http2/5")).failed;
}

/** Runs all of h2spec; returns which cases fail. */
async function failedCases(port: number): Promise<string[]> {
  const runs = await Promise.all(SECTIONS.map((section) => runH2spec(port, section)));
  assert.equal(runs.reduce((sum, run) => sum + run.cases, 0), CASES);
  return runs.flatMap((run) => run.failed);
}

/** Runs a section of h2spec; returns how many cases it has, and which of them fail. */
async function runH2spec(
  port: number,
  section: string,
): Promise<{ cases: number; failed: string[] }> {
  const { stdout } = await new Deno.Command(await h2spec(), {
    args: [section, "-o", `${TIMEOUT_S}`, "-h", "127.0.0.1", "-p", `${port}`],
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stdout);
  const counts = /^(\d+) tests, (\d+) passed, 0 skipped, (\d+) failed/m.exec(text);
  assert.ok(counts, `h2spec ${section} did not come to its end`);
  // They are listed again at the end.
  const [, list = ""] = text.split("\nFailures:");
  const failed = Array.from(list.matchAll(/× (?:\d+: )?(.*)/g), ([, name]) => name!);
  assert.equal(failed.length, Number(counts[3]));
  return { cases: Number(counts[1]), failed };
}
