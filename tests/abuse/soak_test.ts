/**
 * Many calls over connections that come and go: none may fail, and the server may not grow.
 *
 * `deno test -A tests/abuse/soak_test.ts -- 1000000` makes so many calls; the default is short enough
 * for every run of the suite.
 */
import assert from "node:assert/strict";
import { residentMb } from "../../tools/processes.ts";
import { linuxServeTest } from "../support/program.ts";
import { finishCall, openSession, startCall } from "../support/raw_client.ts";
import { assertAlive, assertNoStack, MEMORY_MB, modes } from "./survival.ts";

const CALLS = Number(Deno.args[0] ?? 60_000);
const CONNECTIONS = 4;
const STREAMS = 25;

/** After how many calls, on all connections together, new connections are opened. */
const ROUND = 20_000;

/** What Deno 2.9.2 leaks for each closed connection, in MB; measured 10 KB. */
const LEAK_MB = 0.02;

for (const mode of modes) {
  linuxServeTest(
    `${CALLS} calls over connections that come and go (${mode.name})`,
    async (server) => {
      const rounds = Math.ceil(CALLS / ROUND);
      const memory: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const connections = Array.from({ length: CONNECTIONS }, () => soak(server.port));
        await assertAlive(server, Promise.all(connections));
        memory.push(await residentMb(server.pid));
      }
      const [middle, last] = [Math.ceil(rounds / 2) - 1, rounds - 1];
      const grown = memory[last]! - memory[middle]!;
      const closed = (last - middle) * CONNECTIONS;
      console.log(`soak: MB after each ${ROUND} calls: ${memory.map(Math.round).join(" ")}`);
      assert.ok(grown <= MEMORY_MB + closed * LEAK_MB, `grown by ${Math.round(grown)} MB`);
      assertNoStack(server.stderr.text);
    },
    mode.args,
  );
}

/** A connection's part of a round. Each call has to be answered with the same trailers, too. */
async function soak(port: number): Promise<void> {
  const session = await openSession(port);
  let left = ROUND / CONNECTIONS;
  const answers = new Set<string>();
  const caller = async () => {
    while (left-- > 0) {
      const stream = startCall(session);
      let trailers: unknown;
      stream.on("trailers", (fields) => trailers = fields);
      answers.add(JSON.stringify([await finishCall(stream, "Alice"), trailers]));
    }
  };
  await Promise.all(Array.from({ length: STREAMS }, caller));
  session.destroy();
  const [answer, ...others] = answers;
  assert.deepEqual(others, []);
  assert.deepEqual(JSON.parse(answer!)[0], { status: "0", message: "Привет, Alice!" });
}
