/** The tutorial's server on other implementations of gRPC, built in the git-ignored folder .interop/. */
import { setTimeout as delay } from "node:timers/promises";
import config from "../../deno.json" with { type: "json" };
import { root } from "../paths.ts";
import { type CommandLine, run as runProgram } from "../programs.ts";
import { python } from "./grpc.ts";
import { folder, goPeer, isOnPath, npmPeer, run } from "./install.ts";

/** A server that prints the tutorial's start line, and a line for each call. */
export interface Server {
  readonly command: CommandLine;
  /** Environment variables to add. */
  readonly env?: Record<string, string>;
  /** The versions of what it runs on. */
  readonly versions?: string;
  /** What it prints besides before all of it is up. */
  readonly ready?: RegExp;
}

const protoFolder = `${root}proto`;
const protoFile = "user_service.proto";

/** What a program prints in its first run, without the line break. */
async function said(...command: CommandLine): Promise<string> {
  const { code, stdout, stderr } = await runProgram(command, []);
  if (code !== 0) throw new Error(`${command.join(" ")} failed: ${stderr}`);
  return stdout.trim();
}

/** Runs protoc, which grpcio-tools brings. */
async function protoc(...args: string[]): Promise<void> {
  await run(await python(), ["-m", "grpc_tools.protoc", `-I${protoFolder}`, ...args, protoFile]);
}

/** The environment in which Python finds the contract's code. */
export async function pythonEnv(): Promise<Record<string, string>> {
  const stubs = `${folder}python-stubs`;
  await Deno.mkdir(stubs, { recursive: true });
  await protoc(`--python_out=${stubs}`, `--grpc_python_out=${stubs}`);
  // grpcio would ask the web's proxy even for this machine.
  return { PYTHONPATH: stubs, PYTHONUTF8: "1", no_grpc_proxy: "127.0.0.1" };
}

const PYTHON_VERSIONS = `import grpc, platform
print(f"Python {platform.python_version()} with grpcio {grpc.__version__}")`;

/** The tutorial's server: grpcio, ten threads. */
export async function pythonServer(): Promise<Server> {
  const path = await python();
  return {
    command: [path, `${root}tests/interop/server.py`, "0"],
    env: await pythonEnv(),
    versions: await said(path, "-c", PYTHON_VERSIONS),
  };
}

/** The version that usersvc uses; it brings the proto-loader. */
const grpcJsPackage = config.imports["@grpc/grpc-js"].replace(/^npm:/, "");

const grpcJs = npmPeer("grpc-js", grpcJsPackage, "@grpc/grpc-js/package.json");

/** The tutorial's server on grpc-js, on Node. */
export async function nodeServer(): Promise<Server> {
  // Where Node is not on PATH, Deno puts itself there under its name.
  const version = await isOnPath("node") ? await said("node", "--version") : "";
  if (!/^v\d/.test(version)) throw new Error("node is not on PATH");
  await grpcJs();
  // Node looks for packages in the folders above the module.
  const module = `${folder}grpc-js/server.mjs`;
  await Deno.copyFile(`${root}tools/peers/grpc_js.mjs`, module);
  return {
    command: ["node", module, `${protoFolder}/${protoFile}`, "0"],
    versions: `Node ${version.slice(1)} with ${grpcJsPackage}`,
  };
}

const goGenerators = {
  go: goPeer("protoc-gen-go", "google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12"),
  "go-grpc": goPeer("protoc-gen-go-grpc", "google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2"),
};

/** The tutorial's server on grpc-go. */
export async function goServer(): Promise<Server> {
  if (!await isOnPath("go")) throw new Error("go is not on PATH");
  const module = `${folder}tutorial-grpc-go`;
  const stubs = `${module}/userservice`;
  await Deno.mkdir(stubs, { recursive: true });
  for (const file of ["main.go", "go.mod", "go.sum"]) {
    await Deno.copyFile(`${root}tools/peers/grpc-go/${file}`, `${module}/${file}`);
  }
  const options: string[] = [];
  for (const [generator, install] of Object.entries(goGenerators)) {
    options.push(
      `--plugin=${await install()}`,
      `--${generator}_out=${stubs}`,
      `--${generator}_opt=paths=source_relative,M${protoFile}=usersvc.example/grpc-go/userservice`,
    );
  }
  await protoc(...options);
  await run("go", ["build", "-C", module, "-o", "server", "."]);
  const grpc = await said("go", "list", "-C", module, "-m", "google.golang.org/grpc");
  return {
    command: [`${module}/server`, "0"],
    versions: `${await said("go", "env", "GOVERSION")} with ${grpc}`,
  };
}

/** The line that each of the servers prints when it accepts calls; holds the port. */
const STARTED = /^gRPC сервер запущен на порту (\d+)\.\.\.\r?$/m;

/** How often the file of a server is read until it says that it accepts calls, in milliseconds. */
const LOOK_MS = 10;

/**
 * Starts a server that prints into a file, so that nobody has to read what it prints for each call.
 *
 * @returns its process and its port; disposed of, it ends
 * @throws {Error} if it ends before it accepts calls; the message has what it said
 */
export async function startServer({ command, env, ready = /^/ }: Server) {
  const log = await Deno.makeTempFile({ prefix: "usersvc-bench-" });
  const child = new Deno.Command("sh", {
    args: ["-c", 'log=$0; exec "$@" >>"$log" 2>&1', log, ...command],
    env: { ...env },
    stdin: "null",
  }).spawn();
  let ended = false;
  const end = child.status.finally(() => ended = true);
  const stop = async () => {
    if (!ended) child.kill("SIGTERM");
    await end;
    await Deno.remove(log);
  };
  for (;; await delay(LOOK_MS)) {
    const hasEnded = ended;
    const text = await Deno.readTextFile(log);
    const port = Number(STARTED.exec(text)?.[1]);
    if (port > 0 && ready.test(text)) {
      return { pid: child.pid, port, [Symbol.asyncDispose]: stop };
    }
    if (!hasEnded) continue;
    await stop();
    throw new Error(`${command.join(" ")} ended before it accepted calls: ${text.trim()}`);
  }
}
