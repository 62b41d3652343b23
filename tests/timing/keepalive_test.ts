import assert from "node:assert/strict";
import { posixServeTest, serveTest, startUsersvc } from "../support/program.ts";
import { withRelay } from "../support/tcp_peer.ts";
import { withWatch } from "../support/watch.ts";

posixServeTest(
  "--keepalive: a watch notices a machine that vanishes",
  ({ port }) =>
    withRelay(port, (relay) =>
      withWatch(
        relay.port,
        "--address 127.0.0.1 --timeout 30s --keepalive 1s",
        async ({ stdout, stderr, end }) => {
          await stdout.until(/^SERVING\n$/);
          // A connection that answers pings stays.
          await new Promise((resolve) => setTimeout(resolve, 2_500));
          assert.equal(stderr.text, "");
          const start = Date.now();
          relay.silence();
          await stderr.until(
            /^usersvc check: UNAVAILABLE from 127\.0\.0\.1:\d+: [^\n]+; trying again every second\n$/,
          );
          assert.ok(Date.now() - start < 15_000, `${Date.now() - start} ms`);
          assert.equal(await end("SIGINT"), 130);
        },
      )),
);

serveTest(
  "--keepalive: a call does not wait for its deadline on a dead connection",
  (server) =>
    withRelay(server.port, async (relay) => {
      const address = ["--address", `127.0.0.1:${relay.port}`];
      const keep = ["--keepalive", "1s", "--timeout", "2m"];
      const call = startUsersvc(["call", "Alice", ...address, ...keep]);
      // A call is logged when it arrives.
      await server.stdout.until(/: Alice\n/);
      relay.silence();
      const start = Date.now();
      const { code, stdout } = await call.ended();
      assert.deepEqual([code, stdout], [78, ""]);
      assert.ok(Date.now() - start < 30_000, `${Date.now() - start} ms`);
    }),
  ["--delay", "1m", "--grace", "1ms"],
);
