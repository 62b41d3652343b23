import assert from "node:assert/strict";
import { only } from "../support/frames.ts";
import { withHttp2Server, withMutePeer } from "../support/http2_server.ts";
import {
  linuxServeTest,
  posixServeTest,
  posixTest,
  programTest,
  serveTest,
  startServe,
  usersvc,
  withServe,
} from "../support/program.ts";
import { pause, until } from "../support/waits.ts";
import { withWatch } from "../support/watch.ts";

/** Flags of a check that has to be answered, however busy the machine is. */
const patient = (port: number) => ["--port", `${port}`, "--timeout", "30s"];

serveTest(
  "check prints SERVING for a server and for its service, exit code 0",
  async ({ port }) => {
    const service = ["--service", "userservice.UserService"];
    // An empty name is that of the server as a whole.
    for (const flags of [[], service, ["--service", ""], ["--service="]]) {
      const checked = await usersvc(["check", ...patient(port), ...flags]);
      assert.deepEqual(checked, { code: 0, stdout: "SERVING\n", stderr: "" });
    }
  },
);

serveTest("the health of an unknown service: exit code 3, and its name", async ({ port }) => {
  assert.deepEqual(
    await usersvc(["check", ...patient(port), "--service", "no.such\x1b[2J"]),
    {
      code: 3,
      stdout: "",
      stderr: `usersvc check: NOT_FOUND from localhost:${port}: unknown service ` +
        "(--service no.such\\x1b[2J)\n",
    },
  );
});

programTest("no answer within the deadline: exit code 3", () =>
  withMutePeer(async (port) => {
    assert.deepEqual(await usersvc(["check", "--port", `${port}`, "--timeout", "3s"]), {
      code: 3,
      stdout: "",
      stderr: `usersvc check: DEADLINE_EXCEEDED from localhost:${port}: no answer within 3 s\n`,
    });
  }));

programTest("a wrong command line of check: exit code 1, as grpc-health-probe has it", async () => {
  const twice = ["-H", "authorization: a", "-H", "authorization: b"];
  for (
    const args of [["x"], ["--service"], ["--timeout", "1"], ["--address", ":1"], ["--prt"], twice]
  ) {
    const { code, stdout, stderr } = await usersvc(["check", ...args]);
    assert.deepEqual([code, stdout], [1, ""], stderr);
    assert.match(stderr, /^usersvc check: [^\n]+; see usersvc check --help\n$/);
  }
});

posixTest(
  "--watch prints each change, outlives the server, exit code 130 after SIGINT",
  async () => {
    const first = await startServe();
    await withWatch(first.port, "--timeout 30s", async ({ stdout, stderr, end }) => {
      await stdout.until(/^SERVING\n$/);
      first.kill("SIGTERM");
      await stdout.until(/^SERVING\nNOT_SERVING\n$/);
      await stderr.until(/: the server is draining; trying again every second\n$/);
      // The watch does not hold up the end.
      assert.equal((await first.ended()).code, 0);

      await withServe(async (second) => {
        await stdout.until(/^SERVING\nNOT_SERVING\nSERVING\n$/);
        assert.equal(second.port, first.port);
        assert.equal(await end("SIGINT"), 130);
      }, ["--port", `${first.port}`]);
      assert.equal(
        await stderr.all(),
        `usersvc check: UNAVAILABLE from localhost:${first.port}: the server is draining; ` +
          "trying again every second\n",
      );
    });
  },
);

posixTest("--watch says each outage once, whatever its tries fail with", async () => {
  let server = await startServe();
  const port = server.port;
  await withWatch(port, "--timeout 30s", async ({ stdout, stderr }) => {
    for (let outages = 1; outages <= 2; outages++) {
      await stdout.lines(outages);
      server.kill("SIGKILL");
      await server.ended();
      await stderr.lines(outages);
      // Nothing tells of a try that fails: there is one each second.
      await pause(2_500);
      server = await startServe(["--port", `${port}`]);
    }
    await stdout.lines(3);
    assert.equal(stdout.text, "SERVING\n".repeat(3));
    assert.match(
      stderr.text,
      /^(?:usersvc check: UNAVAILABLE from localhost:\d+: [^\n]+; trying again every second\n){2}$/,
    );
  });
  server.kill("SIGTERM");
  await server.ended();
});

posixTest("--watch says that a server refuses it, also after an outage", () => {
  let calls = 0;
  return withHttp2Server(({ stream, send, socket }) => {
    calls++;
    if (calls % 2 === 1) socket.destroy();
    else send(only(stream, { "grpc-status": "7" }));
  }, (port) =>
    withWatch(port, "--timeout 30s", async ({ stdout, stderr, end }) => {
      await stderr.until(/PERMISSION_DENIED/);
      await until("five calls", () => calls >= 5);
      await end("SIGTERM");
      assert.equal(await stdout.all(), "");
      assert.match(
        await stderr.all(),
        /^usersvc check: (?:UNAVAILABLE|INTERNAL) [^\n]+\nusersvc check: PERMISSION_DENIED [^\n]+\n$/,
      );
    }));
});

linuxServeTest(
  "--watch ends where its output cannot be written",
  ({ port }) =>
    withWatch(port, "--timeout 30s > /dev/full", async ({ stderr, ended }) => {
      assert.equal(await ended(), 1);
      assert.match(await stderr.all(), /^usersvc check: cannot write the output: [^\n]+\n$/);
    }),
);

posixTest(
  "--watch says once that no answer comes, exit code 143 after SIGTERM",
  () =>
    withMutePeer((port) =>
      withWatch(port, "--timeout 2s", async ({ stdout, stderr, end }) => {
        const line = `usersvc check: DEADLINE_EXCEEDED from localhost:${port}: ` +
          "no answer within 2 s; trying again every second\n";
        await stderr.until(/\n/);
        assert.equal(await end("SIGTERM"), 143);
        assert.deepEqual([await stdout.all(), await stderr.all()], ["", line]);
      })
    ),
);

posixServeTest(
  "--watch ends with its reader",
  (server) =>
    withWatch(server.port, "--timeout 30s | head -n 1", async ({ stdout }) => {
      await stdout.until(/^SERVING\n$/);
      server.kill("SIGTERM");
      assert.equal(await stdout.all(), "SERVING\n");
    }),
);
