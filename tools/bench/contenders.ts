/** The servers and processes that are measured, and which of them cannot be. */
import config from "../../deno.json" with { type: "json" };
import { root } from "../paths.ts";
import { grpcurl, python } from "../peers/grpc.ts";
import { folder } from "../peers/install.ts";
import { goServer, nodeServer, pythonEnv, pythonServer, type Server } from "../peers/servers.ts";
import type { CommandLine } from "../programs.ts";

/** What each row of a table begins with. */
interface Named {
  readonly name: string;
}

/** A process to measure from its start to its end. */
export interface Process {
  /** Its command line, which may call a server at an address. */
  readonly command: (address: string) => CommandLine;
  /** Environment variables to add. */
  readonly env?: Record<string, string>;
  /** The stdin of a batch, which takes long. */
  readonly input?: string;
  /** What it has to print. */
  readonly prints: string;
}

/** What could not be measured. */
export interface Skipped extends Named {
  readonly why: string;
}

/** A build of usersvc. */
export interface Build extends Named {
  /** Its executable or launcher. */
  readonly path: string;
}

/** What `deno task build` has made. */
export const usersvc: Build = { name: "usersvc", path: `${root}usersvc` };

/** A folder for the files of a run, and for what is built for it. */
export const home = `${folder}bench/`;

/** Makes what can be installed; what cannot is added to `skipped`. */
async function orSkip<T>(
  skipped: Skipped[],
  makers: Readonly<Record<string, () => Promise<T>>>,
): Promise<(T & Named)[]> {
  const made: (T & Named)[] = [];
  for (const [name, make] of Object.entries(makers)) {
    try {
      made.push({ name, ...await make() });
    } catch (error) {
      // Joined into one line: the error of an installer has all of its output.
      skipped.push({ name, why: (error as Error).message.replace(/\s*\n\s*/g, " ") });
    }
  }
  return made;
}

/** The server of a build. */
export function serverOf({ name, path }: Build): Server & Named {
  return { name, command: [path, "serve", "--port", "0"] };
}

/** Installs the servers; those that cannot be are added to `skipped`. */
export async function findServers(skipped: Skipped[], beside?: Build): Promise<(Server & Named)[]> {
  return [
    serverOf(usersvc),
    {
      name: "usersvc, two workers",
      command: [usersvc.path, "serve", "--port", "0", "--workers", "2"],
      ready: /(?:has started[^]*){2}/,
    },
    ...(beside ? [serverOf(beside)] : []),
    ...await orSkip(skipped, {
      "grpc-go": goServer,
      "grpc-js on Node": nodeServer,
      "Python (grpcio)": pythonServer,
    }),
  ];
}

/**
 * Installs the clients; those that cannot be are added to `skipped`.
 *
 * @param names how many a batch has
 */
export async function findProcesses(
  skipped: Skipped[],
  names: number,
  beside?: Build,
): Promise<(Process & Named)[]> {
  const empty = `${home}empty.js`;
  await Deno.writeTextFile(empty, "");
  const builds = [usersvc, ...(beside ? [beside] : [])];
  return [
    {
      name: "deno run of an empty file",
      command: () => [Deno.execPath(), "run", "--no-config", empty],
      prints: "",
    },
    {
      name: "usersvc --version",
      command: () => [usersvc.path, "--version"],
      prints: config.version,
    },
    ...builds.map(({ name, path }): Process & Named => ({
      name: `${name} call Alice`,
      command: (address) => [path, "call", "Alice", "--address", address],
      prints: "Привет, Alice!",
    })),
    ...await orSkip(skipped, {
      grpcurl: grpcurlClient,
      "Python (the tutorial's client)": pythonClient,
    }),
    ...builds.map((build) => batch(build, names)),
  ];
}

function batch({ name, path }: Build, size: number): Process & Named {
  const names = Array.from({ length: size }, (_, index) => `user-${index}`);
  return {
    name: `${name} call -, ${size.toLocaleString("en")} names`,
    command: (address) => [path, "call", "-", "--address", address],
    input: names.map((name) => `${name}\n`).join(""),
    prints: names.map((name) => `Привет, ${name}!\n`).join(""),
  };
}

/** The tutorial's client: one call. */
async function pythonClient(): Promise<Process> {
  const path = await python();
  return {
    command: (address) => [path, `${root}tests/interop/client.py`, address, "Alice"],
    env: await pythonEnv(),
    prints: "Привет, Alice!",
  };
}

/** grpcurl: one call, the contract from its file. */
async function grpcurlClient(): Promise<Process> {
  const path = await grpcurl();
  const contract = ["-import-path", `${root}proto`, "-proto", "user_service.proto"];
  const flags = ["-plaintext", ...contract, "-d", '{"username":"Alice"}'];
  return {
    command: (address) => [path, ...flags, address, "userservice.UserService/GetUser"],
    prints: "Привет, Alice!",
  };
}
