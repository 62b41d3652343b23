/** What is measured, and in which order. */
import { cpuSeconds, residentMb } from "../processes.ts";
import {
  type Build,
  ownServer,
  prepareProcesses,
  prepareServers,
  type Process,
  type Skipped,
  usersvc,
} from "./contenders.ts";
import { type MakeLoad, prepareLoad, type Shape } from "./h2load.ts";
import { describeMachine } from "./machine.ts";
import { type RunningServer, runTimed, type Server, startServer, withServer } from "./program.ts";

/** The loads, from one call after another to more at once than the machine can answer. */
export const SHAPES: readonly Shape[] = [
  { connections: 1, streams: 1 },
  { connections: 1, streams: 25 },
  { connections: 4, streams: 25 },
  { connections: 64, streams: 16 },
];

/** With which the servers are warmed up, and compared where one figure has to do. */
export const COMPARED: Shape = SHAPES[2]!;

/** How much is measured. */
export interface Sizes {
  /** How often everything is measured, one after another in turn. */
  readonly rounds: number;
  /** Calls of each load, and before the first one to warm up. */
  readonly calls: number;
  /** How often each short process is started in each round. */
  readonly processes: number;
  /** The names of a batch. */
  readonly names: number;
}

/** What several measurements of one figure say. */
export interface Summary {
  readonly min: number;
  readonly median: number;
}

/** What `deno task bench --json` prints. */
export interface Result {
  readonly machine: string;
  readonly sizes: Sizes;
  readonly servers: readonly {
    readonly name: string;
    /** User and system time of all its processes for one call, in microseconds, under each load. */
    readonly cpuMicrosPerCall: readonly Summary[];
    /** The resident memory of all its processes after all loads, in megabytes. */
    readonly memoryMb: Summary;
  }[];
  /** Whole processes: their wall time, in milliseconds. */
  readonly processes: readonly { readonly name: string; readonly ms: Summary }[];
  readonly skipped: readonly Skipped[];
}

/**
 * Runs the whole benchmark.
 *
 * @param beside another build of usersvc to measure
 * @param tell shows what is being measured
 * @throws {Error} if h2load is not there, or a server or a client does not do what it should
 */
export async function runBenchmark(
  sizes: Sizes,
  beside: Build | undefined,
  tell: (what: string) => void,
): Promise<Result> {
  const scratch = await Deno.makeTempDir({ prefix: "usersvc-bench-" });
  try {
    tell("preparing");
    const { makeLoad, version } = await prepareLoad(scratch);
    const skipped: Skipped[] = [];
    const servers = await prepareServers(skipped, beside);
    const processes = await prepareProcesses(skipped, scratch, sizes.names, beside);
    const cpu = servers.map(() => SHAPES.map((): number[] => []));
    const memory = servers.map((): number[] => []);
    const ms = processes.map((): number[] => []);
    for (let round = 1; round <= sizes.rounds; round++) {
      const now = (what: string) => tell(`round ${round} of ${sizes.rounds}: ${what}`);
      await measureServers(servers, sizes.calls, makeLoad, cpu, memory, now);
      await measureProcesses(processes, sizes.processes, ms, now);
    }
    const versions = servers.flatMap(({ versions = [] }) => versions);
    return {
      machine: await describeMachine(usersvc.path, [...versions, version]),
      sizes,
      servers: servers.map(({ name }, index) => ({
        name,
        cpuMicrosPerCall: cpu[index]!.map(summarize),
        memoryMb: summarize(memory[index]!),
      })),
      processes: processes.map(({ name }, i) => ({ name, ms: summarize(ms[i]!) })),
      skipped,
    };
  } finally {
    await Deno.remove(scratch, { recursive: true });
  }
}

/** Loads fresh servers in turn, so that what else happens on the machine falls on all of them. */
async function measureServers(
  servers: readonly Server[],
  calls: number,
  makeLoad: MakeLoad,
  cpu: readonly (readonly number[][])[],
  memory: readonly number[][],
  tell: (what: string) => void,
): Promise<void> {
  const running: RunningServer[] = [];
  try {
    for (const server of servers) {
      tell(`${server.name}, warming up`);
      const one = await startServer(server);
      running.push(one);
      await makeLoad(one, COMPARED, calls);
    }
    for (const [load, shape] of SHAPES.entries()) {
      for (const [index, server] of running.entries()) {
        tell(`${server.name}, ${shape.connections} × ${shape.streams} calls at once`);
        const before = await cpuSeconds(server.pid);
        await makeLoad(server, shape, calls);
        cpu[index]![load]!.push((await cpuSeconds(server.pid) - before) / calls * 1e6);
      }
    }
    for (const [index, { pid }] of running.entries()) memory[index]!.push(await residentMb(pid));
  } finally {
    await Promise.all(running.map(({ stop }) => stop()));
  }
}

/** Runs each process once, and the short ones so often, in turn, against a fresh server. */
async function measureProcesses(
  processes: readonly Process[],
  times: number,
  ms: readonly number[][],
  tell: (what: string) => void,
): Promise<void> {
  await withServer(ownServer, async ({ port }) => {
    for (let time = 0; time < times; time++) {
      for (const [index, { name, input, program, prints }] of processes.entries()) {
        if (time > 0 && input !== undefined) continue;
        tell(name);
        const ran = await runTimed(program(`127.0.0.1:${port}`), input);
        if (!ran.stdout.includes(prints)) {
          throw new Error(`${name} printed ${ran.stdout.slice(0, 100)}`);
        }
        ms[index]!.push(ran.ms);
      }
    }
  });
}

/**
 * Sums up measurements; the median of an even number of them is the mean of the two in the middle.
 *
 * @throws {RangeError} if there are none
 */
export function summarize(values: readonly number[]): Summary {
  if (values.length === 0) throw new RangeError("no values to sum up");
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return {
    min: sorted[0]!,
    median: (sorted[Math.floor(middle)]! + sorted[Math.ceil(middle)]!) / 2,
  };
}
