import assert from "node:assert/strict";
import { goPeer, installOnce } from "../../tools/peers/install.ts";
import { survives } from "./survival.ts";

/** A conformance tester of HTTP/2 servers: almost all that it sends is wrong. */
const h2spec = installOnce(
  goPeer("h2spec", "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible"),
);

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

survives("h2spec to its end", async ({ port }) => {
  const counts = await Promise.all(SECTIONS.map((section) => runH2spec(port, section)));
  const cases = counts.reduce((sum, count) => sum + count.cases, 0);
  const passed = counts.reduce((sum, count) => sum + count.passed, 0);
  console.log(`h2spec: ${passed} of ${cases} passed`);
  assert.equal(cases, CASES);
}, {
  warmUp: async ({ port }) => void await runH2spec(port, "hpack"),
});

/** Runs a section of h2spec; returns how many cases it has, and how many of them passed. */
async function runH2spec(
  port: number,
  section: string,
): Promise<{ cases: number; passed: number }> {
  const { stdout } = await new Deno.Command(await h2spec(), {
    args: [section, "-o", `${TIMEOUT_S}`, "-h", "127.0.0.1", "-p", `${port}`],
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  // How many pass is a matter of nghttp2 and Deno: that there is a count means that the server has
  // answered or closed every case.
  const counts = /^(\d+) tests, (\d+) passed, /m.exec(new TextDecoder().decode(stdout));
  assert.ok(counts, `h2spec ${section} did not come to its end`);
  return { cases: Number(counts[1]), passed: Number(counts[2]) };
}
