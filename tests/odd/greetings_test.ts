/** Servers whose connections are odd from their start. */
import assert from "node:assert/strict";
import { startCases } from "../../src/gauntlet/start_cases.ts";
import { HEALTH } from "../support/http2_server.ts";
import { usersvc } from "../support/program.ts";
import { address, batch, differences, run, TIMEOUT_MS } from "./run.ts";
import { caseOf, exitCodeOf, oddTest } from "./table.ts";

/**
 * What `check` exits with: 0, 2 without a connection, 3 with one, each where nothing is said. A call that
 * gets no answer takes its deadline.
 */
const CHECKS: Readonly<Record<string, 0 | 2 | 3>> = {
  "start-goaway-with-settings": 3,
  "start-goaway-with-settings-then-close": 3,
  "start-goaway-with-settings-close-later": 3,
  "start-goaway-error-with-settings": 3,
  "start-goaway-before-settings": 2,
  "start-goaway-of-all-with-settings-then-close": 3,
  "start-goaway-of-all-before-settings": 2,
  "settings-in-single-bytes": 0,
  "settings-ten-times": 0,
  "settings-unknown": 0,
  "settings-and-pings": 0,
  "max_streams": 0,
  "no-streams": 3,
  "no-window": 3,
  "no-header-table": 0,
  "window-too-large": 2,
  "frame-size-too-small": 2,
  "settings-cut": 2,
  "ping-before-settings": 2,
  "no-word": 2,
  "close-at-once": 2,
  "reset-at-once": 2,
  "text": 2,
  "tls-alert": 2,
  "http-1-then-close": 2,
  "http-1": 2,
};

for (const one of startCases) {
  const { name, does, greeting, mayEnd } = one;
  oddTest(`check ends as it promises: ${does}`, [one], async ({ port }) => {
    const isLate = mayEnd.includes("DEADLINE_EXCEEDED");
    const server = isLate ? address(port, TIMEOUT_MS) : address(port);
    const args = ["check", "--service", HEALTH + name, ...server];
    const { code, stderr } = await run(`check of ${name}`, args);
    const expected = CHECKS[name];
    if (expected !== undefined) assert.equal(code, expected, stderr);
    else assert.ok([0, 2, 3].includes(code), stderr);
    assert.match(stderr, code === 0 ? /^$/ : /^usersvc check: [^\n]+\n$/);
  }, greeting);
}

const away = caseOf(startCases, "start-goaway-with-settings");

oddTest(
  "a server that goes away at once: a batch ends, and nothing connects without a pause",
  [],
  async ({ port, connections }) => {
    for (const args of [[], ["--retries", "2"], ["--wait"]]) {
      const outcomes = await batch(`GOAWAY at once ${args.join(" ")}`, port, ["A", "B"], args);
      const both = ["A", "B"].map((name) => ({ ...away, name }));
      assert.deepEqual(differences(both, outcomes), []);
    }
    // Each of the six calls is tried some times; without a pause there would be thousands.
    assert.ok(connections() <= 50, `${connections()} connections`);
  },
  away.greeting,
);

oddTest("a server of HTTP/1.1 is called so, at once and at the deadline", [], async ({ port }) => {
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
}, caseOf(startCases, "http-1").greeting);

oddTest("a server of TLS is called so", [], async ({ port }) => {
  const { code, stderr } = await usersvc(["call", "A", ...address(port, TIMEOUT_MS)]);
  assert.equal(code, exitCodeOf("DEADLINE_EXCEEDED"));
  assert.match(stderr, /the server speaks TLS/);
}, caseOf(startCases, "tls-alert").greeting);
