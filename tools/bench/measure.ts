/** What is measured, and in which order. */
import { totalmem } from "node:os";
import config from "../../deno.json" with { type: "json" };
import { cpuSeconds, residentMb } from "../processes.ts";
import { run } from "../programs.ts";
import {
  type Build,
  findProcesses,
  findServers,
  home,
  type Process,
  serverOf,
  type Skipped,
  usersvc,
} from "./contenders.ts";
import { type Server, startServer } from "../peers/servers.ts";
import { type MakeLoad, prepareLoad, type Shape } from "./load.ts";

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

/** The measurements of one figure. */
type Samples = number[];

/** What was measured. */
export interface Result {
  /** What the figures depend on. */
  readonly machine: string;
  readonly sizes: Sizes;
  readonly servers: readonly {
    readonly name: string;
    /** User and system time of all its processes for one call, in microseconds, under each load. */
    readonly cpuMicros: readonly Samples[];
    /** The resident memory of all its processes after all loads, in megabytes. */
    readonly memoryMb: Samples;
  }[];
  /** Whole processes: their wall time, in milliseconds. */
  readonly processes: readonly { readonly name: string; readonly ms: Samples }[];
  readonly skipped: readonly Skipped[];
}

/**
 * Runs the whole benchmark.
 *
 * @param beside another build of usersvc to measure
 * @param show shows what is being measured
 * @throws {Error} if h2load is not there, or a server or a client does not do what it should
 */
export async function measureAll(
  sizes: Sizes,
  beside: Build | undefined,
  show: (what: string) => void,
): Promise<Result> {
  show("preparing");
  await Deno.mkdir(home, { recursive: true });
  const { makeLoad, version } = await prepareLoad();
  const skipped: Skipped[] = [];
  const servers = (await findServers(skipped, beside)).map((server) => ({
    ...server,
    cpuMicros: SHAPES.map((): Samples => []),
    memoryMb: [] as Samples,
  }));
  const processes = (await findProcesses(skipped, sizes.names, beside))
    .map((process) => ({ ...process, ms: [] as Samples }));
  for (let round = 1; round <= sizes.rounds; round++) {
    const showRound = (what: string) => show(`round ${round} of ${sizes.rounds}: ${what}`);
    await measureServers(servers, sizes.calls, makeLoad, showRound);
    await measureProcesses(processes, sizes.processes, showRound);
  }
  const versions = [...servers.flatMap(({ versions = [] }) => versions), version];
  return { machine: await describeMachine(versions), sizes, servers, processes, skipped };
}

/** Loads fresh servers in turn, so that what else happens on the machine falls on all of them. */
async function measureServers(
  servers: readonly (Server & Result["servers"][number])[],
  calls: number,
  makeLoad: MakeLoad,
  show: (what: string) => void,
): Promise<void> {
  await using running = new AsyncDisposableStack();
  const started = [];
  for (const server of servers) {
    show(`${server.name}, warming up`);
    const { pid, port } = running.use(await startServer(server));
    started.push({ ...server, pid, port });
    await makeLoad(port, COMPARED, calls);
  }
  for (const [load, shape] of SHAPES.entries()) {
    for (const { name, pid, port, cpuMicros } of started) {
      show(`${name}, ${shape.connections} × ${shape.streams} calls at once`);
      const before = await cpuSeconds(pid);
      await makeLoad(port, shape, calls);
      cpuMicros[load]!.push((await cpuSeconds(pid) - before) / calls * 1e6);
    }
  }
  for (const { pid, memoryMb } of started) memoryMb.push(await residentMb(pid));
}

/** Runs each process once, and the short ones so often, in turn, against a fresh server. */
async function measureProcesses(
  processes: readonly (Process & Result["processes"][number])[],
  times: number,
  show: (what: string) => void,
): Promise<void> {
  await using server = await startServer(serverOf(usersvc));
  for (let time = 0; time < times; time++) {
    for (const { name, command, env, input, prints, ms } of processes) {
      if (time > 0 && input !== undefined) continue;
      show(name);
      const begun = performance.now();
      const ended = await run(command(`127.0.0.1:${server.port}`), [], { env: { ...env } }, input);
      ms.push(performance.now() - begun);
      if (ended.code === 0 && ended.stdout.includes(prints)) continue;
      throw new Error(`${name} printed ${ended.stdout.slice(0, 100)}${ended.stderr}`);
    }
  }
}

/** Describes this machine, without its name, and what was measured on it. */
async function describeMachine(versions: readonly string[]): Promise<string> {
  const cpuInfo = await Deno.readTextFile("/proc/cpuinfo");
  const release = await Deno.readTextFile("/etc/os-release").catch(() => "");
  const isScript = (await Deno.readFile(usersvc.path))[0] === "#".charCodeAt(0);
  const form = isScript ? "from the sources" : "executable";
  return [
    // Not every architecture names its model.
    /^model name\s*:\s*(.*)$/m.exec(cpuInfo)?.[1] ?? Deno.build.arch,
    `${navigator.hardwareConcurrency} cores`,
    `${Math.round(totalmem() / 2 ** 30)} GB`,
    /^PRETTY_NAME="?([^"\n]*)/m.exec(release)?.[1] ?? "unknown distribution",
    `Linux ${/^\d+\.\d+/.exec(Deno.osRelease())?.[0] ?? ""}`,
    `usersvc ${config.version} (${form}) with Deno ${Deno.version.deno}`,
    ...versions,
  ].join(", ");
}
