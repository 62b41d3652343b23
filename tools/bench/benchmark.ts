/** What is measured, and in which order. */
import { measureCalls } from "./clients.ts";
import { alone, prepareBatches, prepareClients, prepareServers, usersvc } from "./contenders.ts";
import { h2load, h2loadVersion } from "./h2load.ts";
import { COMPARED, type MakeLoad, prepareLoad, SHAPES } from "./load.ts";
import { describeMachine } from "./machine.ts";
import type { Result, Sizes, Skipped } from "./result.ts";
import { interleave } from "./rounds.ts";
import { measureLoad, measureServer, type Server, withServer } from "./servers.ts";
import { oneCall, prepareStartUps } from "./start_up.ts";

/** Shows what is being measured. */
export type Tell = (what: string) => void;

/**
 * Runs the whole benchmark.
 *
 * @throws {Error} if h2load is not there, or a server or a client does not do what it should
 */
export async function runBenchmark(sizes: Sizes, tell: Tell): Promise<Result> {
  const skipped: Skipped[] = [];
  const scratch = await Deno.makeTempDir({ prefix: "usersvc-bench-" });
  try {
    tell("preparing");
    const loader = await h2load();
    const makeLoad = await prepareLoad(loader, scratch);
    const { servers, versions } = await prepareServers(skipped);
    return {
      machine: await describeMachine(usersvc, [...versions, await h2loadVersion(loader)]),
      sizes,
      servers: await compareServers(servers, sizes, makeLoad, tell),
      loads: await varyLoad(sizes, makeLoad, tell),
      ...await compareClients(sizes, scratch, skipped, tell),
      skipped,
    };
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

function compareServers(servers: Server[], sizes: Sizes, makeLoad: MakeLoad, tell: Tell) {
  const warmUp = { ...COMPARED, calls: sizes.warmUpCalls };
  const load = { ...COMPARED, calls: sizes.calls };
  const tasks = servers.map((server) => ({
    title: server.name,
    about: { name: server.name },
    measure: () => measureServer(server, makeLoad, warmUp, load),
  }));
  return interleave(tasks, sizes.rounds, tell);
}

function varyLoad(sizes: Sizes, makeLoad: MakeLoad, tell: Tell) {
  return withServer(alone, async (server) => {
    await makeLoad(server.port, { ...COMPARED, calls: sizes.warmUpCalls });
    const tasks = SHAPES.map((shape) => {
      // A tenth of the calls: one after another they take about ten times as long.
      const calls = shape.connections * shape.streams === 1 ? sizes.calls / 10 : sizes.calls / 2;
      return {
        title: `${shape.connections} × ${shape.streams} calls at once`,
        about: shape,
        measure: () => measureLoad(server, makeLoad, { ...shape, calls }),
      };
    });
    return await interleave(tasks, sizes.rounds, tell);
  });
}

async function compareClients(sizes: Sizes, scratch: string, skipped: Skipped[], tell: Tell) {
  return await withServer(alone, async ({ port }) => {
    const address = `127.0.0.1:${port}`;
    const clients = await prepareClients(address, skipped);
    const beginners = [...clients.map(oneCall), ...await prepareStartUps(scratch)];
    const batches = await prepareBatches(address, skipped);
    const manyCalls = batches.map((client) => ({
      title: `${client.name}, ${sizes.manyCalls} calls`,
      about: { name: client.name },
      measure: async () => ({ ms: await measureCalls(client, sizes.manyCalls) }),
    }));
    return {
      startUp: await interleave(beginners, sizes.rounds * sizes.processes, tell),
      manyCalls: await interleave(manyCalls, sizes.rounds, tell),
    };
  });
}
