/** How little a drain waits for connections on which nothing happens. */
import assert from "node:assert/strict";
import { HELLO } from "../support/frames.ts";
import { withWatch } from "../support/watch.ts";
import { PROCESSES } from "../support/workers.ts";
import { cert, SERVE_TLS } from "../support/certs.ts";
import {
  posixServeTest,
  posixTest,
  type Serve,
  withFolder,
  withServe,
} from "../support/program.ts";

for (const [name, args] of [["plain text", []], ["TLS", SERVE_TLS]] as const) {
  posixServeTest(
    `a client that neither answers nor hangs up delays the end little (${name})`,
    async (server) => {
      const hostname = "127.0.0.1";
      const connection = args === SERVE_TLS
        ? await Deno.connectTls({
          hostname,
          port: server.port,
          caCerts: [await Deno.readTextFile(cert("ca.pem"))],
          alpnProtocols: ["h2"],
        })
        : await Deno.connect({ hostname, port: server.port });
      await connection.write(HELLO);
      await connection.read(new Uint8Array(64));
      await endsSoon(server);
      connection.close();
    },
    ["--grace", "1m", ...args],
  );
}

for (const [processes, workers] of PROCESSES) {
  posixTest(
    `on two endpoints an open connection delays the end little (${processes})`,
    () =>
      withFolder((folder) =>
        withServe((server) =>
          withWatch(server.port, "--timeout 30s", async ({ stdout }) => {
            await stdout.until(/^SERVING\n$/);
            await endsSoon(server);
          }), ["--unix", `${folder}/s`, "--grace", "1m", ...workers])
      ),
  );
}

/** Asserts that a server drains in much less than its grace period. */
async function endsSoon(server: Serve): Promise<void> {
  const start = Date.now();
  server.kill("SIGTERM");
  assert.equal((await server.ended()).code, 0);
  const elapsed = Date.now() - start;
  assert.ok(elapsed < 40_000, `${elapsed} ms`);
}
