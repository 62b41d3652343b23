import assert from "node:assert/strict";
import { goPeer, installOnce } from "../../tools/peers/install.ts";
import { survives } from "./survival.ts";

/** A conformance tester of HTTP/2 servers: almost all that it sends is wrong. */
const h2spec = installOnce(
  goPeer("h2spec", "github.com/summerwind/h2spec/cmd/h2spec@v2.2.1+incompatible"),
);

/** How long h2spec waits for an answer that does not come, in seconds. */
const TIMEOUT_S = 2;

survives("h2spec to its end", async ({ port }) => {
  console.log(`h2spec: ${await runH2spec(port)}`);
}, {
  warmUp: async ({ port }) => void await runH2spec(port, "hpack"),
});

/** Runs all sections of h2spec, or one, and returns how many of its cases passed. */
async function runH2spec(port: number, ...sections: readonly string[]): Promise<string> {
  const { stdout } = await new Deno.Command(await h2spec(), {
    args: [...sections, "-o", `${TIMEOUT_S}`, "-h", "127.0.0.1", "-p", `${port}`],
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  // How many pass is a matter of nghttp2 and Deno: that there is a count means that the server has
  // answered or closed every case.
  const counts = /^\d+ tests, .*$/m.exec(new TextDecoder().decode(stdout))?.[0];
  assert.ok(counts, "h2spec did not come to its end");
  return counts;
}
