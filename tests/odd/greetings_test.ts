/** Servers whose connections are odd from their start. */
import assert from "node:assert/strict";
import { STATUS_NAMES } from "../../src/contract/status_codes.ts";
import { answer, SERVING } from "../support/frames.ts";
import { linuxTest, startUsersvc, usersvc } from "../support/program.ts";
import { greetings, type Start } from "./greetings.ts";
import { address, assertAtDeadline, batch, differences, run, TIMEOUT_MS } from "./run.ts";
import { withOddServer } from "../support/http2_server.ts";

/** Answers whatever comes, and counts connections. */
async function withStart(
  { greeting }: Start,
  use: (port: number, connections: () => number) => Promise<void>,
): Promise<void> {
  let connections = 0;
  await withOddServer(
    {
      A: ({ stream, send }) => send(answer(stream)),
      B: ({ stream, send }) => send(answer(stream)),
      // A check of the server as a whole.
      "": ({ stream, send }) => send(answer(stream, SERVING)),
    },
    (port) => use(port, () => connections),
    (socket) => {
      connections++;
      return greeting(socket);
    },
  );
}

for (const [name, row] of Object.entries(greetings)) {
  linuxTest(
    `a connection that starts with ${name} ends a call as gRPC says`,
    () =>
      withStart(row, async (port) => {
        const server = row.late ? address(port, TIMEOUT_MS) : address(port);
        const { code, stdout, stderr } = await run(name, ["call", "A", ...server]);
        const codes = [row.code, ...(row.or ? [row.or] : [])];
        assert.ok(codes.map(exitCode).includes(code), `${code}: ${stderr}`);
        assert.equal(stdout, code === 0 ? "hello\n" : "");
        if (code !== 0) assert.match(stderr, /^usersvc call: [^\n]+\n$/);
        if (row.says !== undefined) assert.match(stderr, row.says as RegExp);
        const checked = await run(`check of ${name}`, ["check", ...server]);
        if (row.check !== undefined) assert.equal(checked.code, row.check, checked.stderr);
        else assert.ok([0, 2, 3].includes(checked.code), checked.stderr);
        assert.match(checked.stderr, checked.code === 0 ? /^$/ : /^usersvc check: [^\n]+\n$/);
      }),
  );
}

function exitCode(code: Start["code"]): number {
  return code === "OK" ? 0 : 64 + STATUS_NAMES.indexOf(code);
}

const goaways = Object.entries(greetings).filter(([name]) => name.endsWith("with the SETTINGS"));
assert.equal(goaways.length, 2);

for (const [name, row] of goaways) {
  linuxTest(
    `${name}: a batch ends, each call UNAVAILABLE, with --retries too`,
    () =>
      withStart(row, async (port) => {
        for (const args of [[], ["--retries", "2"]]) {
          const table = { A: row, B: row };
          const outcomes = await batch(`${name} ${args.join(" ")}`, port, ["A", "B"], { args });
          assert.deepEqual(differences(table, outcomes), []);
        }
      }),
  );

  linuxTest(
    `${name}: a call that waits connects with a back-off and ends with its deadline`,
    () =>
      withStart(row, async (port, connections) => {
        const args = ["call", "A", "--wait", "-v", ...address(port, TIMEOUT_MS)];
        const { code, stderr } = await run(`${name}, waited for`, args);
        assert.equal(code, 68, stderr);
        const ms = Number(/^< DEADLINE_EXCEEDED after ([\d.]+) ms$/m.exec(stderr)?.[1]);
        assertAtDeadline(ms);
        // After 0.1 s, 0.16 s, 0.26 s and so on, which makes 5 of them; without a pause, thousands.
        assert.ok(connections() >= 2 && connections() <= 50, `${connections()} connections`);
      }),
  );

  linuxTest(`${name}: signals end a call that waits`, () =>
    withStart(row, async (port) => {
      for (const signal of ["SIGINT", "SIGTERM"] as const) {
        const args = ["call", "A", "--wait", "-v", "--address", `127.0.0.1:${port}`];
        const call = startUsersvc([...args, "--timeout", "20s"]);
        await call.stderr.until(/no connection, trying again/);
        call.kill(signal);
        const { code } = await call.ended();
        // At its deadline the exit code would be another.
        assert.equal(code, signal === "SIGINT" ? 130 : 143);
      }
    }));
}

linuxTest(
  "a server of HTTP/1.1 is called so, at once and at the deadline",
  () =>
    withStart(greetings["HTTP/1.1"]!, async (port) => {
      const why = "the server speaks HTTP/1.1, gRPC needs HTTP/2\n";
      const from = `from 127.0.0.1:${port}`;
      const call = await usersvc(["call", "A", ...address(port)]);
      assert.equal(call.stderr, `usersvc call: UNAVAILABLE ${from}: ${why}`);
      const wait = await usersvc(["call", "A", "--wait", ...address(port, TIMEOUT_MS)]);
      const late = `DEADLINE_EXCEEDED ${from}: no connection within 1 s: ${why}`;
      assert.equal(wait.stderr, `usersvc call: ${late}`);
      assert.equal(wait.code, 68);
      const check = await usersvc(["check", ...address(port)]);
      assert.equal(check.stderr, `usersvc check: UNAVAILABLE ${from}: ${why}`);
      assert.equal(check.code, 2);
      const checkWait = await usersvc(["check", "--wait", ...address(port, TIMEOUT_MS)]);
      assert.equal(checkWait.stderr, `usersvc check: ${late}`);
      assert.equal(checkWait.code, 2);
    }),
);
