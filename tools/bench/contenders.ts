/** Prepares the servers and clients that are measured, and says which cannot be. */
import { root } from "../paths.ts";
import type { Client } from "./clients.ts";
import {
  type ClientCommand,
  goServer,
  grpcurlClient,
  nodeServer,
  pythonClient,
  pythonLoop,
  pythonServer,
  type ServerCommand,
} from "./peers.ts";
import type { Skipped } from "./result.ts";
import type { Server } from "./servers.ts";

/** The program to measure. */
export const usersvc = `${root}usersvc`;
const cores = navigator.hardwareConcurrency;

/** One process of usersvc. */
export const alone: Server = {
  name: "usersvc, one process",
  program: { path: usersvc, args: ["serve", "--port", "0"] },
};

const perCore: Server = {
  name: `usersvc, one worker per core (${cores})`,
  program: { path: usersvc, args: ["serve", "--port", "0", "--workers", `${cores}`] },
  ready: new RegExp(`(?:[^]*?has started\\n){${cores}}`),
};

/**
 * Installs the other servers; what cannot be installed is added to `skipped`.
 *
 * @returns all servers, and the versions of the others
 */
export async function prepareServers(
  skipped: Skipped[],
): Promise<{ servers: Server[]; versions: string[] }> {
  const peers: [string, ServerCommand][] = [
    ["Python server (grpcio)", pythonServer],
    ["Node server (grpc-js)", nodeServer],
    ["Go server (grpc-go)", goServer],
  ];
  const servers: Server[] = [];
  const versions: string[] = [];
  for (const [name, command] of peers) {
    const peer = await orSkip(skipped, name, command);
    if (peer === undefined) continue;
    servers.push({ name, program: peer.program });
    versions.push(peer.versions);
  }
  return { servers: [...servers, alone, perCore], versions };
}

/** Installs the other clients that make one call; what cannot be is added to `skipped`. */
export async function prepareClients(address: string, skipped: Skipped[]): Promise<Client[]> {
  const peers: [string, ClientCommand][] = [
    ["Python client (grpcio)", pythonClient],
    ["grpcurl", grpcurlClient],
  ];
  const clients: Client[] = [];
  for (const [name, command] of peers) {
    const program = await orSkip(skipped, name, () => command(address));
    if (program) clients.push({ name, program });
  }
  const program = { path: usersvc, args: ["call", "Alice", "--address", address] };
  return [...clients, { name: "usersvc call", program }];
}

/** Prepares the clients that make many calls; what cannot be is added to `skipped`. */
export async function prepareBatches(address: string, skipped: Skipped[]): Promise<Client[]> {
  const loop = "Python client (grpcio), one call after another";
  const python = await orSkip(skipped, loop, () => pythonLoop(address));
  return [
    ...(python ? [{ name: loop, program: python }] : []),
    {
      name: "usersvc call -",
      program: { path: usersvc, args: ["call", "-", "--address", address] },
    },
  ];
}

async function orSkip<T>(
  skipped: Skipped[],
  name: string,
  prepare: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await prepare();
  } catch (error) {
    // Joined into one line: the error of an installer has all of its output.
    skipped.push({ name, why: (error as Error).message.replace(/\s*\n\s*/g, " ") });
    return undefined;
  }
}
