/** The clients of docs/gauntlet.md: each with its library's defaults, and a deadline. */
import config from "../../deno.json" with { type: "json" };
import { root } from "../paths.ts";
import { grpcurl, python } from "../peers/grpc.ts";
import { folder, npmPeer, run } from "../peers/install.ts";
import { run as runProgram } from "../programs.ts";

/** A client that is installed. */
export interface Client {
  readonly name: string;
  readonly versions: string;
  /** The command for the gauntlet. */
  readonly words: readonly string[];
  /** The same as a reader types it, from the root of the repository. */
  readonly typed: string;
}

const here = `${root}tools/gauntlet`;
const proto = `${root}proto/user_service.proto`;

const grpcJsPackage = config.imports["@grpc/grpc-js"].replace(/^npm:/, "");
const connectPackage = config.imports["@connectrpc/connect"].replace("npm:@connectrpc/connect", "");
const connectNodePackage = `@connectrpc/connect-node${connectPackage}`;
const grpcJs = npmPeer("grpc-js", grpcJsPackage, "@grpc/grpc-js/package.json");
const connectNode = npmPeer(
  "connect-node",
  connectNodePackage,
  "@connectrpc/connect-node/package.json",
);

/** The first line of what a program prints. */
async function said(...[program, ...args]: readonly [string, ...string[]]): Promise<string> {
  const { stdout } = await runProgram([program], args);
  return stdout.split("\n", 1)[0]!;
}

async function pythonClient(name: string, script: string): Promise<Client> {
  const path = await python();
  const version = await said(path, "-c", "import grpc; print(grpc.__version__)");
  const words = [path, `${here}/${script}`];
  return {
    name,
    versions: `grpcio ${version}, ${await said(path, "--version")}`,
    words,
    typed: `python3 tools/gauntlet/${script}`,
  };
}

async function goClient(name: string, module: string, program: string): Promise<Client> {
  const path = `${folder}bin/${program}`;
  const goModule = `${root}tests/go`;
  await run("go", ["build", "-C", goModule, "-o", path, `./${program}`], {
    missing: `${name} is built with it; install Go 1.26 or later`,
  });
  const version = await said("go", "list", "-C", goModule, "-m", module);
  return {
    name,
    versions: `${version.replace(/^\S+ /, "")}, ${await said("go", "env", "GOVERSION")}`,
    words: [path],
    typed: `.interop/bin/${program}`,
  };
}

async function nodeClient(
  name: string,
  install: () => Promise<string>,
  package_: string,
  script: string,
  ...args: string[]
): Promise<Client> {
  const modules = (await install()).replace(/node_modules\/.*/, "node_modules");
  return {
    name,
    versions: `${package_}, Node ${(await said("node", "--version")).slice(1)}`,
    words: ["node", `${here}/${script}`, modules, ...args],
    typed: ["node", `tools/gauntlet/${script}`, modules, ...args].join(" ").replaceAll(root, ""),
  };
}

async function tonicClient(): Promise<Client> {
  const crate = `${here}/tonic`;
  const target = `${folder}tonic`;
  await run("cargo", [
    ...["build", "--quiet", "--release", "--locked"],
    ...["--manifest-path", `${crate}/Cargo.toml`, "--target-dir", target],
  ], { missing: "tonic is built with it; install Rust" });
  const lock = await Deno.readTextFile(`${crate}/Cargo.lock`);
  const version = /^name = "tonic"\nversion = "(.*)"$/m.exec(lock)![1]!;
  const [, rust] = (await said("rustc", "--version")).split(" ");
  return {
    name: "tonic",
    versions: `${version}, Rust ${rust}`,
    words: [`${target}/release/gauntlet-tonic`],
    typed: ".interop/tonic/release/gauntlet-tonic",
  };
}

async function grpcurlClient(): Promise<Client> {
  const path = await grpcurl();
  const { stdout } = await runProgram(["go"], ["version", "-m", path]);
  const contract = ["-import-path", `${root}proto`, "-proto", "user_service.proto"];
  const args = ["-plaintext", "-max-time", "2", ...contract, "-d", '{"username": "Alice"}'];
  const words = [path, ...args, "{address}", "userservice.UserService/GetUser"];
  return {
    name: "grpcurl",
    versions: /^\s*mod\s+\S+\s+(\S+)/m.exec(stdout)![1]!,
    words,
    typed: "grpcurl -plaintext -max-time 2 -import-path proto -proto user_service.proto " +
      `-d '{"username": "Alice"}' {address} userservice.UserService/GetUser`,
  };
}

/**
 * Installs all clients, one after another.
 *
 * @param ours how usersvc is started
 */
export async function allClients(ours: readonly string[]): Promise<readonly Client[]> {
  return [
    await pythonClient("grpcio", "grpcio.py"),
    await pythonClient("grpcio, asyncio", "grpcio_aio.py"),
    await goClient("grpc-go", "google.golang.org/grpc", "gauntlet_grpc"),
    await goClient("connect-go", "connectrpc.com/connect", "gauntlet_connect"),
    await nodeClient("grpc-js", grpcJs, grpcJsPackage, "grpc_js.mjs", proto),
    await nodeClient("connect-node", connectNode, connectNodePackage, "connect_node.mjs"),
    await tonicClient(),
    await grpcurlClient(),
    {
      name: "usersvc call",
      versions: config.version,
      words: [...ours, "call", "Alice"],
      typed: "usersvc call Alice",
    },
  ];
}
