/** How little a drain waits for connections on which nothing happens. */
import assert from "node:assert/strict";
import { HELLO } from "../support/frames.ts";
import { healthClient, watchHealth } from "../support/health_client.ts";
import { cert, SERVE_TLS } from "../support/certs.ts";
import { posixServeTest, posixTest, withFolder, withServe } from "../support/program.ts";

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
      const start = Date.now();
      server.kill("SIGTERM");
      assert.equal((await server.ended()).code, 0);
      const elapsed = Date.now() - start;
      assert.ok(elapsed < 40_000, `${elapsed} ms`);
      connection.close();
    },
    ["--grace", "1m", ...args],
  );
}

for (const workers of [[], ["--workers", "1"]]) {
  posixTest(
    `on two endpoints an open connection delays the end little (${
      workers.join(" ") || "one process"
    })`,
    async () => {
      await withFolder(async (folder) => {
        await withServe(async (server) => {
          const client = await healthClient(server.port);
          const watch = watchHealth(client);
          await watch.first;
          const start = Date.now();
          server.kill("SIGTERM");
          assert.match(String(await watch.ended), /UNAVAILABLE: the server is draining/);
          client.close();
          assert.equal((await server.ended()).code, 0);
          const elapsed = Date.now() - start;
          assert.ok(elapsed < 40_000, `${elapsed} ms`);
        }, ["--unix", `${folder}/s`, "--grace", "1m", ...workers]);
      });
    },
  );
}
