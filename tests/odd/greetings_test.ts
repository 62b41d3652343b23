/** Servers whose connections are odd from their start. */
import assert from "node:assert/strict";
import { usersvc } from "../support/program.ts";
import { greetings } from "./greetings.ts";
import { address, batch, differences, run, TIMEOUT_MS } from "./run.ts";
import { exitCodeOf, oddTest } from "./table.ts";

for (const [name, row] of Object.entries(greetings)) {
  oddTest(
    `a connection that starts with ${name} ends a call as gRPC says`,
    {},
    async ({ port }) => {
      const server = row.late ? address(port, TIMEOUT_MS) : address(port);
      const { code, stdout, stderr } = await run(name, ["call", "A", ...server]);
      const codes = [row.code, ...(row.or ? [row.or] : [])];
      assert.ok(codes.map(exitCodeOf).includes(code), `${code}: ${stderr}`);
      assert.equal(stdout, code === 0 ? "hello\n" : "");
      if (code !== 0) assert.match(stderr, /^usersvc call: [^\n]+\n$/);
      if (row.says !== undefined) assert.match(stderr, row.says as RegExp);
      const checked = await run(`check of ${name}`, ["check", ...server]);
      if (row.check !== undefined) assert.equal(checked.code, row.check, checked.stderr);
      else assert.ok([0, 2, 3].includes(checked.code), checked.stderr);
      assert.match(checked.stderr, checked.code === 0 ? /^$/ : /^usersvc check: [^\n]+\n$/);
    },
    row.greeting,
  );
}

const away = greetings["GOAWAY of stream 0 with the SETTINGS"]!;

oddTest(
  "a server that goes away at once: a batch ends, and nothing connects without a pause",
  {},
  async ({ port, connections }) => {
    for (const args of [[], ["--retries", "2"], ["--wait"]]) {
      const outcomes = await batch(`GOAWAY at once ${args.join(" ")}`, port, ["A", "B"], args);
      assert.deepEqual(differences({ A: away, B: away }, outcomes), []);
    }
    // Each of the six calls is tried some times; without a pause there would be thousands.
    assert.ok(connections() <= 50, `${connections()} connections`);
  },
  away.greeting,
);

oddTest("a server of HTTP/1.1 is called so, at once and at the deadline", {}, async ({ port }) => {
  const from = `from 127.0.0.1:${port}`;
  const why = "the server speaks HTTP/1.1, gRPC needs HTTP/2\n";
  for (
    const [command, atOnce, late] of [
      [["call", "A"], exitCodeOf("UNAVAILABLE"), exitCodeOf("DEADLINE_EXCEEDED")],
      [["check"], 2, 2],
    ] as const
  ) {
    const said = `usersvc ${command[0]}:`;
    const now = await usersvc([...command, ...address(port)]);
    assert.deepEqual([now.code, now.stderr], [atOnce, `${said} UNAVAILABLE ${from}: ${why}`]);
    const wait = await usersvc([...command, "--wait", ...address(port)]);
    const deadline = `${said} DEADLINE_EXCEEDED ${from}: no connection within 5 s: ${why}`;
    assert.deepEqual([wait.code, wait.stderr], [late, deadline]);
  }
}, greetings["HTTP/1.1"]!.greeting);
