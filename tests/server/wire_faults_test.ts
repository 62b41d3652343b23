/** A call asks for a case of the gauntlet, on a connection that is in use. */
import assert from "node:assert/strict";
import { CALL_TLS, SERVE_TLS } from "../support/certs.ts";
import { ask, GET_USER } from "../support/http_client.ts";
import { calls, type LogRecord } from "../support/logs.ts";
import { posixTest, type Serve, startServe, usersvc, withFolder } from "../support/program.ts";
import { finishCall, openSession, roundTrip, startCall } from "../support/raw_client.ts";

/** Serves while `use` runs, sees that the drain is clean, and returns the records of the calls. */
async function recordsOf(
  use: (server: Serve) => Promise<unknown>,
  flags: readonly string[] = ["--faults-by-metadata"],
): Promise<LogRecord[]> {
  const server = await startServe(["--log", "json", ...flags]);
  await use(server);
  server.kill("SIGTERM");
  const { code, stdout, stderr } = await server.ended();
  assert.deepEqual([code, stderr], [0, ""]);
  return calls(stdout);
}

const outcomeOf = (record: LogRecord) => [record["username"], record["grpc.code"], record["fault"]];

/** Cases, the code of the record, the exit code of `call`, and what it says. */
const played: readonly (readonly [string, string, number, RegExp])[] = [
  ["answer", "OK", 0, /^Привет, Alice!\n$/],
  ["goaway", "OK", 0, /^Привет, Alice!\n$/],
  ["ping", "OK", 0, /^Привет, Alice!\n$/],
  ["in-sevens", "OK", 0, /^Привет, Alice!\n$/],
  ["rst_during_data", "INTERNAL", 77, /: INTERNAL from /],
  ["no-trailers", "UNKNOWN", 77, /: INTERNAL from /],
  ["status-not-a-number", "UNKNOWN", 66, /: UNKNOWN from /],
  ["gzip-cut", "INTERNAL", 77, /: INTERNAL from /],
  ["closed-at-byte-60", "UNAVAILABLE", 78, /: UNAVAILABLE from /],
  ["connection-reset-at-byte-10", "UNAVAILABLE", 78, /: UNAVAILABLE from /],
];

async function assertPlayed(address: readonly string[], tls: readonly string[]): Promise<void> {
  for (const [name, , exitCode, says] of played) {
    const behavior = ["-H", `rpc-behavior: wire-${name}`];
    const { code, stdout, stderr } = await usersvc([
      ...["call", "Alice", ...address, ...behavior, "--timeout", "30s", ...tls],
    ]);
    assert.equal(code, exitCode, `${name}: ${stderr}`);
    assert.match(stdout + stderr, says, name);
  }
}

const expected = played.map(([wire, code]) => ["Alice", code, { source: "metadata", wire, code }]);

for (
  const [what, serve, call] of [
    ["", [], []],
    [", over TLS", SERVE_TLS, CALL_TLS],
  ] as const
) {
  posixTest(`a call is answered with the case that it asks for${what}`, async () => {
    const records = await recordsOf(
      ({ port }) => assertPlayed(["--port", `${port}`], call),
      ["--faults-by-metadata", ...serve],
    );
    assert.deepEqual(records.map(outcomeOf), expected);
  });
}

posixTest(
  "a call is answered with the case that it asks for, on a Unix socket",
  () =>
    withFolder(async (folder) => {
      const path = `${folder}/socket`;
      const records = await recordsOf(
        () => assertPlayed(["--address", `unix:${path}`], []),
        ["--faults-by-metadata", "--host", "127.0.0.1", "--unix", path],
      );
      assert.deepEqual(records.map(outcomeOf), expected);
    }),
);

/** None of these ends the connection for another call. */
const shared = [
  ...["answer", "ping", "in-sevens", "rst_during_data", "rst_after_data", "no-trailers"],
  ...["status-not-found", "two-messages", "nothing", "100-pings", "100-settings"],
];

posixTest("other calls on the connection are answered as they should be", async () => {
  const records = await recordsOf(async ({ port }) => {
    const session = await openSession(port);
    for (const name of shared) {
      const beside = startCall(session, { "rpc-behavior": "sleep-0.05" });
      const odd = startCall(session, { "rpc-behavior": `wire-${name}` });
      const ended = finishCall(odd, "Odd").catch(() => {});
      assert.deepEqual(await finishCall(beside, "Beside"), {
        status: "0",
        message: "Привет, Beside!",
      }, name);
      odd.close();
      await ended;
      await roundTrip(session);
    }
    session.close();
  });
  const odd = records.filter(({ username }) => username === "Odd");
  assert.deepEqual(odd.map(({ fault }) => (fault as { wire: string }).wire), shared);
  assert.equal(records.length, 2 * shared.length);
});

posixTest("answers that are sent in parts wait for each other", async () => {
  const names = ["in-sevens", "in-single-bytes", "answer", "in-sevens"];
  const records = await recordsOf(async ({ port }) => {
    const session = await openSession(port);
    const answers = await Promise.all(
      [...names.map((name) => ({ "rpc-behavior": `wire-${name}` })), {}]
        .map((headers) => finishCall(startCall(session, headers), "Alice")),
    );
    assert.deepEqual(answers, Array(5).fill({ status: "0", message: "Привет, Alice!" }));
    session.close();
  });
  assert.equal(records.length, 5);
});

posixTest("a case that no call can be answered with is refused", async () => {
  const records = await recordsOf(async ({ port }) => {
    for (
      const [name, why] of [
        ["no-such-case", 'expects the name of a case of the gauntlet; "no-such-case" is none'],
        ["max_streams", '"max_streams" is how a connection begins'],
        ["refused-once", "does not count the tries of a call"],
      ] as const
    ) {
      const { code, stderr } = await usersvc([
        ...["call", "Alice", "--port", `${port}`, "-H", `rpc-behavior: wire-${name}`],
        ...["--timeout", "30s"],
      ]);
      assert.equal(code, 67, stderr);
      assert.ok(stderr.includes(why), stderr);
    }
    const { status, body } = await ask({ port, version: 1 }, {
      method: "POST",
      path: GET_USER,
      headers: { "content-type": "application/json", "rpc-behavior": "wire-goaway" },
      body: '{"username":"Web"}',
    });
    assert.equal(status, 400);
    assert.match(
      String(body),
      /rpc-behavior expects a call of gRPC over HTTP\/2 for \\"goaway\\", and this one is connect/,
    );
  });
  assert.deepEqual(records.map(outcomeOf), [
    ...Array(3).fill(["Alice", "INVALID_ARGUMENT", undefined]),
    ["Web", "INVALID_ARGUMENT", undefined],
  ]);
});

posixTest(
  "a file of answers has cases too, and its mistakes are named by their paths",
  () =>
    withFolder(async (folder) => {
      const path = `${folder}/answers.json`;
      const write = (answers: unknown) => Deno.writeTextFile(path, JSON.stringify(answers));
      await write({ Odd: [{ wire: "rst_during_data", delay: "1ms" }, {}] });
      const records = await recordsOf(async ({ port }) => {
        for (const exitCode of [77, 0]) {
          const call = ["call", "Odd", "--port", `${port}`, "--timeout", "30s"];
          assert.equal((await usersvc(call)).code, exitCode);
        }
      }, ["--answers", path]);
      const wire = "rst_during_data";
      const fault = { source: "answers", delay_ms: 1, wire, code: "INTERNAL" };
      assert.deepEqual(records.map(outcomeOf), [
        ["Odd", "INTERNAL", fault],
        ["Odd", "OK", undefined],
      ]);
      await write({ A: { wire: "no-word" }, B: [{}, { wire: "odd" }] });
      const { code, stderr } = await usersvc(["serve", "--port", "0", "--answers", path]);
      assert.equal(code, 1);
      assert.ok(
        stderr.endsWith(
          'A.wire: expects a case that answers a call; "no-word" is how a connection begins; ' +
            'B[1].wire: expects the name of a case of the gauntlet; "odd" is none\n',
        ),
        stderr,
      );
      await write({ A: { wire: "goaway", code: "NOT_FOUND" } });
      const both = await usersvc(["serve", "--port", "0", "--answers", path]);
      assert.match(both.stderr, /: A\.code: expects no wire beside it\n$/);
    }),
);
