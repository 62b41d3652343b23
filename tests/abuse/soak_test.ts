/**
 * Many calls over connections that come and go: none may fail, and the server may not grow.
 *
 * `deno test -A tests/abuse/soak_test.ts -- 1000000` makes so many calls; the default is short enough
 * for every run of the suite.
 */
import assert from "node:assert/strict";
import { linuxTest, withServe } from "../support/program.ts";
import { modes } from "./modes.ts";
import { residentMb } from "../../tools/processes.ts";
import { soakConnection } from "./soak_client.ts";
import { assertAlive, assertNoStack, MEMORY_MB } from "./survival.ts";

const CALLS = Number(Deno.args[0] ?? 60_000);
const CONNECTIONS = 4;
const STREAMS = 25;

/** After how many calls, on all connections together, new connections are opened. */
const ROUND = 20_000;

/** What Deno 2.9.2 leaks for each closed connection, in MB; measured 10 KB. */
const LEAK_MB = 0.02;

for (const mode of modes) {
  linuxTest(
    `${CALLS} calls over connections that come and go (${mode.name})`,
    () =>
      withServe(async (server) => {
        const rounds = Math.ceil(CALLS / ROUND);
        const memory: number[] = [];
        for (let round = 0; round < rounds; round++) {
          await assertAlive(server, soakRound(server.port));
          memory.push(await residentMb(server.pid));
        }
        const [middle, last] = [Math.ceil(rounds / 2) - 1, rounds - 1];
        const grown = memory[last]! - memory[middle]!;
        const closed = (last - middle) * CONNECTIONS;
        console.log(`soak: MB after each ${ROUND} calls: ${memory.map(Math.round).join(" ")}`);
        assert.ok(grown <= MEMORY_MB + closed * LEAK_MB, `grown by ${Math.round(grown)} MB`);
        assertNoStack(server.stderr.text);
      }, mode.args),
  );
}

async function soakRound(port: number): Promise<void> {
  const calls = ROUND / CONNECTIONS;
  await Promise.all(
    Array.from({ length: CONNECTIONS }, () => soakConnection(port, calls, STREAMS)),
  );
}
