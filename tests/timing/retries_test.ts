/** What becomes of calls whose server is killed under load. */
import assert from "node:assert/strict";
import { CALL_TLS, SERVE_TLS } from "../support/certs.ts";
import { greetings, names } from "../support/calls.ts";
import { posixTest, type Result, type Serve, startUsersvc, withServe } from "../support/program.ts";

/** The address of all of these servers. */
function addressOf(...ports: number[]): string {
  return `ipv4:${ports.map((port) => `127.0.0.1:${port}`).join(",")}`;
}

/** Calls so many names, and kills a server once so many are answered. */
async function callWhileKilling(
  victim: Serve,
  { calls, answered }: { calls: number; answered: number },
  args: readonly string[],
): Promise<Result> {
  const call = startUsersvc(["call", "-", ...args], { stdin: "piped" });
  void call.feed(names(calls).join("\n")).then(call.endInput);
  assert.ok(await call.stdout.lines(answered), call.stderr.text);
  victim.kill("SIGKILL");
  return await call.ended();
}

for (
  const [transport, serve, call] of [["TCP", [], []], ["TLS", SERVE_TLS, [
    ...CALL_TLS,
    "--tls-server-name",
    "localhost",
  ]]] as const
) {
  posixTest(`a server that is killed under a batch, over ${transport}: UNAVAILABLE`, async () => {
    for (let round = 0; round < 3; round++) {
      await withServe(async (server) => {
        const flags = ["--address", addressOf(server.port), ...call];
        const load = { calls: 2_000, answered: 300 + 200 * round };
        const { code, stderr } = await callWhileKilling(server, load, flags);
        assert.equal(code, 78);
        const reasons = stderr.trimEnd().split("\n").map((line) => line.replace(/^.*?": /, ""));
        for (const reason of new Set(reasons)) {
          assert.match(reason, /^UNAVAILABLE from \S+: (the connection broke|connection refused)$/);
        }
      }, serve);
    }
  });
}

posixTest(
  "of two servers one is killed under a batch with --retries 3: nothing is lost",
  async () => {
    const calls = 5_000;
    for (let round = 0; round < 3; round++) {
      await withServe((one) =>
        withServe(async (two) => {
          const flags = ["--address", addressOf(one.port, two.port), "--retries", "3"];
          const victim = round % 2 === 0 ? one : two;
          const load = { calls, answered: 500 + 1_000 * round };
          const { code, stdout, stderr } = await callWhileKilling(victim, load, flags);
          assert.deepEqual([code, stderr], [0, ""]);
          assert.equal(stdout, greetings(names(calls)));
        })
      );
    }
  },
);
