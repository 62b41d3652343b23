/** The servers and processes that are measured, and which of them cannot be. */
import config from "../../deno.json" with { type: "json" };
import { root } from "../paths.ts";
import {
  type Client,
  goServer,
  grpcurlClient,
  nodeServer,
  pythonClient,
  pythonServer,
} from "./peers.ts";
import type { Server } from "./program.ts";

/** A build of usersvc. */
export interface Build {
  readonly name: string;
  /** Its executable or launcher. */
  readonly path: string;
}

/** What `deno task build` has made. */
export const usersvc: Build = { name: "usersvc", path: `${root}usersvc` };

/** A process to measure. */
export interface Process {
  readonly name: string;
  readonly program: Client;
  /** The stdin of a batch, which takes long. */
  readonly input?: string;
  /** What it has to print. */
  readonly prints: string;
}

/** What could not be measured. */
export interface Skipped {
  readonly name: string;
  readonly why: string;
}

function serverOf({ name, path }: Build, ...flags: string[]): Server {
  return { name, program: { path, args: ["serve", "--port", "0", ...flags] } };
}

/** The server that clients are measured with. */
export const ownServer: Server = serverOf(usersvc);

const twoWorkers: Server = {
  ...serverOf({ ...usersvc, name: "usersvc, two workers" }, "--workers", "2"),
  ready: /(?:has started[^]*){2}/,
};

/** Installs the servers; what cannot be installed is added to `skipped`. */
export async function prepareServers(skipped: Skipped[], beside?: Build): Promise<Server[]> {
  return [
    ownServer,
    twoWorkers,
    ...(beside ? [serverOf(beside)] : []),
    ...await orSkip(skipped, "grpc-go", goServer),
    ...await orSkip(skipped, "grpc-js on Node", nodeServer),
    ...await orSkip(skipped, "Python (grpcio)", pythonServer),
  ];
}

/**
 * Installs the clients, and what else is measured as a whole process.
 *
 * @param scratch a folder for files
 * @param names how many a batch has
 */
export async function prepareProcesses(
  skipped: Skipped[],
  scratch: string,
  names: number,
  beside?: Build,
): Promise<Process[]> {
  const empty = `${scratch}/empty.js`;
  await Deno.writeTextFile(empty, "");
  const bare = { path: Deno.execPath(), args: ["run", "--no-config", empty] };
  const version = { path: usersvc.path, args: ["--version"] };
  const oneCall = (name: string) => (program: Client) => ({
    name,
    program,
    prints: greet("Alice"),
  });
  const builds = beside ? [usersvc, beside] : [usersvc];
  return [
    { name: "deno run of an empty file", program: () => bare, prints: "" },
    { name: "usersvc --version", program: () => version, prints: config.version },
    ...builds.map((build) => oneCall(`${build.name} call Alice`)(clientOf(build, "Alice"))),
    ...(await orSkip(skipped, "grpcurl", grpcurlClient)).map(oneCall("grpcurl")),
    ...(await orSkip(skipped, TUTORIAL, pythonClient)).map(oneCall(TUTORIAL)),
    ...builds.map((build) => batch(build, names)),
  ];
}

const TUTORIAL = "Python (the tutorial's client)";

const greet = (name: string) => `Привет, ${name}!`;

function clientOf({ path }: Build, name: string): Client {
  return (address) => ({ path, args: ["call", name, "--address", address] });
}

function batch(build: Build, size: number): Process {
  const names = Array.from({ length: size }, (_, index) => `user-${index}`);
  return {
    name: `${build.name} call -, ${size.toLocaleString("en")} names`,
    program: clientOf(build, "-"),
    input: names.map((name) => `${name}\n`).join(""),
    prints: names.map((name) => `${greet(name)}\n`).join(""),
  };
}

/** What has been prepared, or nothing and a reason in `skipped`. */
async function orSkip<T>(
  skipped: Skipped[],
  name: string,
  prepare: () => Promise<T>,
): Promise<T[]> {
  try {
    return [await prepare()];
  } catch (error) {
    // Joined into one line: the error of an installer has all of its output.
    skipped.push({ name, why: (error as Error).message.replace(/\s*\n\s*/g, " ") });
    return [];
  }
}
