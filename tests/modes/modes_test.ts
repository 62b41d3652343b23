/**
 * Servers in which every pair of modes occurs; each is called, watched and stopped.
 *
 * Usage: deno task test:modes [-- SEED [NUMBER]]. The servers follow from the seed, a random one by
 * default; NUMBER runs one of them alone.
 */
import { linuxTest } from "../support/program.ts";
import { coveringRows, type Row } from "./covering.ts";
import { type Mode, modes } from "./modes.ts";
import { runServer } from "./server_run.ts";

/** How many servers run at a time: for most of its time each waits, so that two cores can bear it. */
const AT_ONCE = 3;

const [seed = Math.floor(Math.random() * 1e6), only] = Deno.args.map(Number);

linuxTest(`the modes hold in pairs: seed ${seed}`, async (test) => {
  const servers = coveringRows<Mode>(modes, seed)
    .map((row, index) => ({ row, number: index + 1 }))
    .filter(({ number }) => only === undefined || number === only);
  const runNext = async () => {
    for (let server; (server = servers.shift());) {
      const { row, number } = server;
      await test.step({
        name: `seed ${seed}, server ${number}: ${describe(row)}`,
        fn: () => runServer(row),
        // They would see what the other servers have open.
        sanitizeExit: false,
        sanitizeOps: false,
        sanitizeResources: false,
      });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, runNext));
});

function describe(row: Row<Mode>): string {
  return Object.entries(row).map(([dimension, { name }]) => `${dimension} ${name}`).join(", ");
}
