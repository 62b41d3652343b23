/** What becomes of calls that fail, or whose server is killed, and what --retries makes of it. */
import assert from "node:assert/strict";
import { call, GREETED } from "../support/calls.ts";
import { closedPort } from "../support/tcp_peer.ts";
import { constants } from "../../src/http2/http2.ts";
import { answer, begin, getUserRequest, grpcMessage, message } from "../support/frames.ts";
import { withHttp2Server } from "../support/http2_server.ts";
import {
  posixServeTest,
  posixTest,
  programTest,
  serveTest,
  shell,
  shellCommand,
  startUsersvc,
  usersvc,
  withFolder,
  withServe,
} from "../support/program.ts";
import { openSession, startCall } from "../support/raw_client.ts";

/** Gives a test a server whose first connections break after the message of an answer. */
async function withBreakingPeer(
  breaks: number,
  use: (port: number, calls: () => number) => Promise<void>,
): Promise<void> {
  let calls = 0;
  await withHttp2Server(({ stream, send, socket }) => {
    calls++;
    if (calls > breaks) return send(answer(stream));
    send(begin(stream), message(stream));
    // What was written leaves before the end.
    socket.end();
  }, (port) => use(port, () => calls));
}

posixTest("a call whose connection breaks before the trailers is tried again", async () => {
  for (const [breaks, retries, calls] of [[1, 1, 2], [3, 3, 4], [9, 0, 1], [9, 2, 3]] as const) {
    await withBreakingPeer(breaks, async (port, made) => {
      const args = ["call", "Alice", "--port", `${port}`, "--retries", `${retries}`];
      const { code, stdout, stderr } = await usersvc(args);
      const broke = `usersvc call: UNAVAILABLE from localhost:${port}: the connection broke\n`;
      const expected = calls > breaks ? [0, "hello\n", ""] : [78, "", broke];
      assert.deepEqual([code, stdout, stderr], expected);
      assert.equal(made(), calls);
    });
  }
});

/** The frames of an answer, as names of their parts, and the metadata that came in the first. */
async function framesOf(port: number, name: string, headers = {}) {
  const session = await openSession(port);
  const stream = startCall(session, headers);
  const { promise, resolve, reject } = Promise.withResolvers<readonly [string, string, string]>();
  stream.on("error", reject);
  stream.on("response", (fields, flags) => {
    const { NGHTTP2_FLAG_END_STREAM: end } = constants;
    const part = (flags & end) === 0 ? "headers" : "trailers alone";
    resolve([part, String(fields["grpc-status"]), String(fields["hostname"])]);
  });
  stream.resume();
  stream.end(grpcMessage(getUserRequest(name)));
  try {
    return await promise;
  } finally {
    session.close();
  }
}

/** Gives a test a file of answers. */
async function withAnswers(answers: unknown, use: (path: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const path = `${folder}/answers.json`;
    await Deno.writeTextFile(path, JSON.stringify(answers));
    await use(path);
  });
}

const BEHAVIOR = "rpc-behavior";
const marked = { code: "UNAVAILABLE", metadata: { "x-tenant": "7" } };

posixTest("a call that fails before its message is answered by trailers alone", () =>
  withAnswers(
    { Marked: marked, Green: { ...marked, metadata: { hostname: "green" } } },
    (path) =>
      withServe(async (server) => {
        const { port } = server;
        assert.deepEqual(await framesOf(port, "A"), ["headers", "undefined", "blue"]);
        for (
          const [name, headers, status, hostname] of [
            ["", {}, "3", "blue"],
            ["Marked", {}, "14", "blue"],
            ["Green", {}, "14", "green"],
            ["A", { [BEHAVIOR]: "error-code-14" }, "14", "blue"],
            ["A", { [BEHAVIOR]: "explode" }, "3", "blue"],
          ] as const
        ) {
          const frames = await framesOf(port, name, headers);
          assert.deepEqual(frames, ["trailers alone", status, hostname], name);
        }
        const kept = framesOf(port, "Kept", { [BEHAVIOR]: "keep-open" });
        await server.stdout.until(/Kept/);
        server.kill("SIGTERM");
        assert.deepEqual(await kept, ["trailers alone", "14", "blue"]);
      }, ["--answers", path, "--faults-by-metadata", "--instance", "blue"]),
  ));

posixTest(
  "what a server says of itself keeps no client from trying again",
  () =>
    withAnswers({ Flaky: [marked, marked, {}] }, (path) =>
      withServe(async ({ port }) => {
        const call = (...args: string[]) => usersvc(["call", "--port", `${port}`, ...args]);
        const flaky = await call("Flaky", "--retries", "2");
        assert.deepEqual(flaky, { code: 0, stdout: "Привет, Flaky!\n", stderr: "" });
        const passing = ["-H", `${BEHAVIOR}: succeed-on-retry-attempt-2,error-code-14`];
        const retried = await call("A", "--retries", "2", ...passing);
        assert.deepEqual(retried, { code: 0, stdout: "Привет, A!\n", stderr: "" });
        const failing = ["-H", `${BEHAVIOR}: error-code-14`, "--summary", "json"];
        const { stderr } = await call("A", "B", "--retries", "1", ...failing);
        const { codes, hostnames } = JSON.parse(stderr.trimEnd().split("\n").at(-1)!);
        assert.deepEqual({ codes, hostnames }, {
          codes: { UNAVAILABLE: 2 },
          hostnames: { blue: 2 },
        });
      }, ["--answers", path, "--faults-by-metadata", "--instance", "blue"])),
);

posixServeTest("a call that a drain ends is answered by another server", async (blue) => {
  // Its client knows no other server until it is to try again: the call is blue's.
  const keptOpen = ["-H", `${BEHAVIOR}: keep-open`, "--timeout", "60s", "--retries", "5", "--wait"];
  const call = usersvc(["call", "A", "--port", `${blue.port}`, ...keptOpen]);
  await blue.stdout.until(/пользователя: A\n/);
  blue.kill("SIGTERM");
  assert.equal((await blue.ended()).code, 0);
  const green = startUsersvc(["serve", "--port", `${blue.port}`]);
  try {
    assert.deepEqual(await call, { code: 0, stdout: "Привет, A!\n", stderr: "" });
  } finally {
    green.kill("SIGTERM");
    await green.ended();
  }
}, ["--faults-by-metadata", "--instance", "blue"]);

programTest("--wait waits for a server that comes up", async () => {
  const port = `${await closedPort()}`;
  const running = startUsersvc(["call", "Alice", "--port", port, "--wait", "--verbose"]);
  await running.stderr.until(/^\* no connection, trying again$/m);
  const { code, stdout } = await withServe(() => running.ended(), ["--port", port]);
  assert.deepEqual([code, stdout], [0, GREETED.stdout]);
});

posixTest("names that wait for a connection in vain all say so", async () => {
  const port = await closedPort();
  const flags = `--wait --rate 5 --timeout 2s --port ${port}`;
  const { code, stderr } = await shell(`seq 8 | ${shellCommand(`call - ${flags}`)}`);
  assert.equal(code, 68);
  // A busy machine begins some late, which is a line of its own.
  const lines = stderr.trimEnd().split("\n").filter((line) => !/ begun /.test(line));
  assert.equal(lines.length, 8);
  for (const line of lines) assert.match(line, /: no (HTTP\/2 )?connection within 2 s(: |$)/);
});

programTest("--retries survives a server that comes up late", async () => {
  const port = `${await closedPort()}`;
  const running = startUsersvc(["call", "Alice", "--port", port, "--retries", "10", "-v"]);
  await running.stderr.until(/^\* no connection, trying again$/m);
  const { code, stdout } = await withServe(() => running.ended(), ["--port", port]);
  assert.deepEqual([code, stdout], [0, GREETED.stdout]);
});

serveTest("--retries survives a server that fails now and then", async ({ port }) => {
  // Eleven attempts, of which half fail: one call of 2048 is lost.
  assert.deepEqual(await call(`localhost:${port}`, "--retries", "10"), GREETED);
}, ["--fail", "UNAVAILABLE:0.5"]);

posixTest("--retries is how often a call is tried again, after UNAVAILABLE alone", async () => {
  for (const [fail, retries, attempts] of [["UNAVAILABLE", 6, 7], ["INTERNAL", 6, 1]] as const) {
    await withServe(async (server) => {
      const failed = await call(`localhost:${server.port}`, "--retries", `${retries}`);
      assert.equal(failed.stderr.match(/\n/g)?.length, 1, failed.stderr);
      server.kill("SIGTERM");
      assert.equal((await server.ended()).stderr.match(/failed GetUser/g)?.length, attempts);
    }, ["--fail", fail]);
  }
});
