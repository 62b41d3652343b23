/** Loads a server with calls of GetUser. */
import { loadContract, serviceName } from "../../src/contract/contract.ts";
import { parseLatencies, parseReport } from "./h2load.ts";
import { runTimed } from "./program.ts";
import { percentile } from "./statistics.ts";

/** The shapes of the loads: connections, and the calls under way at once on each. */
export interface Shape {
  readonly connections: number;
  readonly streams: number;
}

/** Under which servers are compared. */
export const COMPARED: Shape = { connections: 4, streams: 25 };

/**
 * About 1, 10, 100 and 1,000 calls at once over 1, 4 and 64 connections, where that many fit: usersvc
 * takes 100 calls at once on one connection.
 */
export const SHAPES: readonly Shape[] = [
  { connections: 1, streams: 1 },
  { connections: 1, streams: 10 },
  { connections: 1, streams: 100 },
  { connections: 4, streams: 1 },
  { connections: 4, streams: 25 },
  { connections: 64, streams: 1 },
  { connections: 64, streams: 16 },
];

const NAME = "Alice";

/** The bytes before a message: whether it is compressed, and its length. */
const PREFIX_BYTES = 5;

/** How a server is loaded. */
export interface Load extends Shape {
  /** How many calls are made in all. */
  readonly calls: number;
}

/** What was measured of a server under load. */
export interface LoadFigures {
  readonly callsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Makes calls to a port of this machine; throws unless each is answered in full. */
export type MakeLoad = (port: number, load: Load) => Promise<LoadFigures>;

/**
 * Prepares the load.
 *
 * @param command that runs h2load
 * @param scratch a folder for its files
 */
export async function prepareLoad(
  [path, ...before]: readonly [string, ...string[]],
  scratch: string,
): Promise<MakeLoad> {
  const { request, answer } = await messages();
  const body = `${scratch}/request`;
  const log = `${scratch}/log`;
  await Deno.writeFile(body, request);
  return async (port, load) => {
    // h2load appends to its log file.
    await Deno.writeTextFile(log, "");
    const args = [
      ...[...before, ...shapeArguments(load), "--connection-inactivity-timeout=30s"],
      ...["-d", body, "-H", "content-type: application/grpc", "-H", "te: trailers"],
      ...[`--log-file=${log}`, `http://127.0.0.1:${port}/${serviceName}/GetUser`],
    ];
    const { succeeded, callsPerSecond, dataBytes } = parseReport(
      (await runTimed({ path, args })).stdout,
    );
    // An error of gRPC has HTTP status 200 as well, but no message.
    if (dataBytes !== load.calls * answer.length) {
      throw new Error(`not all of ${load.calls} calls were greeted; ${succeeded} had an answer`);
    }
    const latencies = parseLatencies(await Deno.readTextFile(log));
    return {
      callsPerSecond,
      p50Ms: percentile(latencies, 0.5),
      p99Ms: percentile(latencies, 0.99),
    };
  };
}

function shapeArguments({ connections, streams, calls }: Load): string[] {
  return ["-c", `${connections}`, "-m", `${streams}`, "-n", `${calls}`];
}

async function messages(): Promise<{ request: Uint8Array; answer: Uint8Array }> {
  const { GetUser } = (await loadContract()).UserService.service;
  return {
    request: withPrefix(GetUser.requestSerialize({ username: NAME })),
    answer: withPrefix(GetUser.responseSerialize({ message: `Привет, ${NAME}!` })),
  };
}

function withPrefix(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(PREFIX_BYTES + message.length);
  new DataView(framed.buffer).setUint32(1, message.length);
  framed.set(message, PREFIX_BYTES);
  return framed;
}
