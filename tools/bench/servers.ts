/** Measures servers under load. */
import { cpuSeconds, residentMb } from "../processes.ts";
import type { Load, LoadFigures, MakeLoad } from "./load.ts";
import { type Program, type RunningServer, startServer } from "./program.ts";

/** A server to measure. */
export interface Server {
  readonly name: string;
  readonly program: Program;
  /** What it says on stderr when all of it is up. */
  readonly ready?: RegExp;
}

/** What a load costs a server. */
export interface ServerFigures extends LoadFigures {
  /** User and system time of all its processes for one call, in microseconds. */
  readonly cpuMicrosPerCall: number;
}

/** The same with what the server holds after it. */
export interface FullServerFigures extends ServerFigures {
  /** The resident memory of all its processes, in megabytes. */
  readonly memoryMb: number;
}

/** Starts a server for a measurement and stops it afterwards. */
export async function withServer<T>(
  { program, ready }: Server,
  use: (server: RunningServer) => Promise<T>,
): Promise<T> {
  const server = await startServer(program, ready);
  try {
    return await use(server);
  } finally {
    await server.stop();
  }
}

/** Loads a server that is warm. */
export async function measureLoad(
  { pid, port }: RunningServer,
  makeLoad: MakeLoad,
  load: Load,
): Promise<ServerFigures> {
  const before = await cpuSeconds(pid);
  const figures = await makeLoad(port, load);
  const cpuMicrosPerCall = (await cpuSeconds(pid) - before) / load.calls * 1e6;
  return { cpuMicrosPerCall, ...figures };
}

/** Starts a server, warms it up, loads it, and looks at its memory. */
export function measureServer(
  server: Server,
  makeLoad: MakeLoad,
  warmUp: Load,
  load: Load,
): Promise<FullServerFigures> {
  return withServer(server, async (running) => {
    await makeLoad(running.port, warmUp);
    const figures = await measureLoad(running, makeLoad, load);
    return { ...figures, memoryMb: await residentMb(running.pid) };
  });
}
