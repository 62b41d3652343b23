/** The programs that usersvc is measured beside, installed into the git-ignored folder .interop/. */
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { grpcurl, python } from "../peers/grpc.ts";
import { folder, goPeer, installOnce, isOnPath, run } from "../peers/install.ts";
import { root } from "../paths.ts";
import { type Program, runTimed, type Server } from "./program.ts";

const home = `${folder}bench/`;
const protoFolder = `${root}proto`;
const protoFile = "user_service.proto";
const goModule = "usersvc.example/grpc-go";

/** The names of the servers in the result. */
export const TWO_WORKERS = "usersvc, two workers",
  GO = "grpc-go",
  NODE = "grpc-js on Node",
  PYTHON = "Python (grpcio)";

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
  /** What is run, for a server's address. */
  readonly program: (address: string) => Program;
  /** The stdin of a batch, which takes long. */
  readonly input?: string;
  /** What it has to print. */
  readonly prints: string;
}

/** What can be measured, and what cannot. */
export interface Prepared<T> {
  readonly found: readonly T[];
  readonly skipped: readonly { readonly name: string; readonly why: string }[];
}

const source = (path: string) => fileURLToPath(new URL(`peers/${path}`, import.meta.url));
const interop = (path: string) => `${root}tests/interop/${path}`;

async function said(path: string, ...args: string[]): Promise<string> {
  return (await runTimed({ path, args })).stdout.trim();
}

/** Runs protoc, which grpcio-tools brings. */
async function protoc(...args: string[]): Promise<void> {
  await run(await python(), ["-m", "grpc_tools.protoc", `-I${protoFolder}`, ...args, protoFile]);
}

async function pythonProgram(...args: string[]): Promise<Program> {
  const stubs = `${home}python`;
  await Deno.mkdir(stubs, { recursive: true });
  await protoc(`--python_out=${stubs}`, `--grpc_python_out=${stubs}`);
  return {
    path: await python(),
    args,
    // grpcio would ask the web's proxy even for this machine.
    env: { PYTHONPATH: stubs, PYTHONUTF8: "1", no_grpc_proxy: "127.0.0.1" },
  };
}

/** The tutorial's server: grpcio, ten threads. */
export async function pythonServer(): Promise<Server> {
  return {
    name: PYTHON,
    program: await pythonProgram(interop("server.py"), "0"),
    versions: await said(await python(), "-c", PYTHON_VERSIONS),
  };
}

const PYTHON_VERSIONS = `import grpc, platform
print(f"Python {platform.python_version()} with grpcio {grpc.__version__}")`;

const npmPackages = (["@grpc/grpc-js", "@grpc/proto-loader"] as const)
  .map((name) => config.imports[name].replace(/^npm:/, ""));

const grpcJs = installOnce({
  packages: npmPackages,
  stamp: `${home}grpc-js.installed`,
  executable: `${home}grpc-js/node_modules`,
  install: () =>
    run("npm", [
      ...["install", "--prefix", `${home}grpc-js`, "--no-audit", "--no-fund", "--ignore-scripts"],
      ...npmPackages,
    ], { missing: "it installs grpc-js; install it with Node" }),
});

/** Node's version. Where it is not on PATH, Deno puts itself there under its name. */
async function nodeVersion(): Promise<string> {
  const version = await isOnPath("node") ? await said("node", "--version") : "";
  if (!/^v\d/.test(version)) throw new Error("node is not on PATH");
  return version.slice(1);
}

/** The same server on grpc-js of the version that usersvc uses, on Node. */
async function nodeServer(): Promise<Server> {
  const node = await nodeVersion();
  await Deno.mkdir(home, { recursive: true });
  await grpcJs();
  // Node looks for packages in the folders above the module.
  const module = `${home}grpc-js/server.mjs`;
  await Deno.copyFile(source("grpc_js.mjs"), module);
  return {
    name: NODE,
    program: { path: "node", args: [module, `${protoFolder}/${protoFile}`, "0"] },
    versions: `Node ${node} with ${npmPackages[0]}`,
  };
}

const goGenerators = {
  go: installOnce(
    goPeer("protoc-gen-go", "google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12"),
  ),
  "go-grpc": installOnce(
    goPeer("protoc-gen-go-grpc", "google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2"),
  ),
};

/** The same server on grpc-go. */
export async function goServer(): Promise<Server> {
  if (!await isOnPath("go")) throw new Error("go is not on PATH");
  const module = `${home}grpc-go`;
  const stubs = `${module}/userservice`;
  await Deno.mkdir(stubs, { recursive: true });
  for (const file of ["main.go", "go.mod", "go.sum"]) {
    await Deno.copyFile(source(`grpc-go/${file}`), `${module}/${file}`);
  }
  await protoc(...await goOptions(stubs));
  await run("go", ["build", "-C", module, "-o", "server", "."]);
  const grpc = await said("go", "list", "-C", module, "-m", "google.golang.org/grpc");
  return {
    name: GO,
    program: { path: `${module}/server`, args: ["0"] },
    versions: `${await said("go", "env", "GOVERSION")} with ${grpc}`,
  };
}

async function goOptions(stubs: string): Promise<string[]> {
  const options: string[] = [];
  for (const [name, install] of Object.entries(goGenerators)) {
    options.push(
      `--plugin=${await install()}`,
      `--${name}_out=${stubs}`,
      `--${name}_opt=paths=source_relative,M${protoFile}=${goModule}/userservice`,
    );
  }
  return options;
}

function serverOf({ name, path }: Build): Server {
  return { name, program: { path, args: ["serve", "--port", "0"] } };
}

const twoWorkers: Server = {
  name: TWO_WORKERS,
  program: { path: usersvc.path, args: ["serve", "--port", "0", "--workers", "2"] },
  ready: /(?:has started[^]*){2}/,
};

/** The server that clients are measured with. */
export const ownServer: Server = serverOf(usersvc);

/** Installs the servers. */
export function prepareServers(beside?: Build): Promise<Prepared<Server>> {
  return prepareAll([
    [usersvc.name, () => ownServer],
    [TWO_WORKERS, () => twoWorkers],
    ...(beside ? [[beside.name, () => serverOf(beside)]] as const : []),
    [GO, goServer],
    [NODE, nodeServer],
    [PYTHON, pythonServer],
  ]);
}

/**
 * Installs the clients, and what else is measured as a whole process.
 *
 * @param scratch a folder for files
 * @param names how many a batch has
 */
export async function prepareProcesses(
  scratch: string,
  names: number,
  beside?: Build,
): Promise<Prepared<Process>> {
  const prints = "Привет, Alice!";
  const empty = `${scratch}/empty.js`;
  await Deno.writeTextFile(empty, "");
  const bare = { path: Deno.execPath(), args: ["run", "--no-config", empty] };
  const call = ({ name, path }: Build): Process => ({
    name: `${name} call Alice`,
    program: (address) => ({ path, args: ["call", "Alice", "--address", address] }),
    prints,
  });
  const users = Array.from({ length: names }, (_, index) => `user-${index}`);
  const batch = ({ name, path }: Build): Process => ({
    name: `${name} call -, ${names.toLocaleString("en")} names`,
    program: (address) => ({ path, args: ["call", "-", "--address", address] }),
    input: users.map((user) => `${user}\n`).join(""),
    prints: users.map((user) => `Привет, ${user}!\n`).join(""),
  });
  const builds = beside ? [usersvc, beside] : [usersvc];
  const python = "Python (the tutorial's client)";
  return await prepareAll<Process>([
    ["", () => ({ name: "deno run of an empty file", program: () => bare, prints: "" })],
    ["", () => ({
      name: "usersvc --version",
      program: () => ({ path: usersvc.path, args: ["--version"] }),
      prints: config.version,
    })],
    ...builds.map((build) => ["", () => call(build)] as const),
    ["grpcurl", async () => {
      const path = await grpcurl();
      return {
        name: "grpcurl",
        program: (address) => ({ path, args: grpcurlArguments(address) }),
        prints,
      };
    }],
    [python, async () => {
      const client = await pythonProgram(interop("client.py"));
      const program = (address: string) => ({
        ...client,
        args: [...client.args, address, "Alice"],
      });
      return { name: python, program, prints };
    }],
    ...builds.map((build) => ["", () => batch(build)] as const),
  ]);
}

/** One call, the contract from its file. */
function grpcurlArguments(address: string): string[] {
  return [
    ...["-plaintext", "-import-path", protoFolder, "-proto", protoFile],
    ...["-d", '{"username":"Alice"}', address, "userservice.UserService/GetUser"],
  ];
}

async function prepareAll<T>(
  tasks: readonly (readonly [name: string, prepare: () => T | Promise<T>])[],
): Promise<Prepared<T>> {
  const found: T[] = [];
  const skipped: { name: string; why: string }[] = [];
  for (const [name, prepare] of tasks) {
    try {
      found.push(await prepare());
    } catch (error) {
      // Joined into one line: the error of an installer has all of its output.
      skipped.push({ name, why: (error as Error).message.replace(/\s*\n\s*/g, " ") });
    }
  }
  return { found, skipped };
}
