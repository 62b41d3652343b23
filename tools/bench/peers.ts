/** The programs that usersvc is measured beside, installed into the git-ignored folder .interop/. */
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { grpcurl, python } from "../peers/grpc.ts";
import { folder, goPeer, installOnce, isOnPath, run } from "../peers/install.ts";
import { root } from "../paths.ts";
import { type Program, runTimed } from "./program.ts";

const home = `${folder}bench/`;
const protoFolder = `${root}proto`;
const protoFile = "user_service.proto";
const goModule = "usersvc.example/grpc-go";

/** Another server, and the versions of what it runs on. */
export interface ServerPeer {
  readonly program: Program;
  readonly versions: string;
}

/** Installs a server that listens on a free port. */
export type ServerCommand = () => Promise<ServerPeer>;

/** Installs a client, and makes its command line for a server's address. */
export type ClientCommand = (address: string) => Promise<Program>;

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
export const pythonServer: ServerCommand = async () => ({
  program: await pythonProgram(interop("server.py"), "0"),
  versions: await said(await python(), "-c", PYTHON_VERSIONS),
});

const PYTHON_VERSIONS = `import grpc, platform
print(f"Python {platform.python_version()} with grpcio {grpc.__version__}")`;

/** The tutorial's client: one call. */
export const pythonClient: ClientCommand = (address) =>
  pythonProgram(interop("client.py"), address, "Alice");

/** The tutorial's client in a loop on one channel, names on stdin. */
export const pythonLoop: ClientCommand = (address) =>
  pythonProgram(source("call_many.py"), address);

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
export const nodeServer: ServerCommand = async () => {
  const node = await nodeVersion();
  await Deno.mkdir(home, { recursive: true });
  await grpcJs();
  // Node looks for packages in the folders above the module.
  const module = `${home}grpc-js/server.mjs`;
  await Deno.copyFile(source("grpc_js.mjs"), module);
  return {
    program: { path: "node", args: [module, `${protoFolder}/${protoFile}`, "0"] },
    versions: `Node ${node} with ${npmPackages[0]}`,
  };
};

const goGenerators = {
  go: installOnce(
    goPeer("protoc-gen-go", "google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.12"),
  ),
  "go-grpc": installOnce(
    goPeer("protoc-gen-go-grpc", "google.golang.org/grpc/cmd/protoc-gen-go-grpc@v1.6.2"),
  ),
};

/** The same server on grpc-go. */
export const goServer: ServerCommand = async () => {
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
    program: { path: `${module}/server`, args: ["0"] },
    versions: `${await said("go", "env", "GOVERSION")} with ${grpc}`,
  };
};

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

/** grpcurl: one call, the contract from its file. */
export const grpcurlClient: ClientCommand = async (address) => ({
  path: await grpcurl(),
  args: [
    ...["-plaintext", "-import-path", protoFolder, "-proto", protoFile],
    ...["-d", '{"username":"Alice"}', address, "userservice.UserService/GetUser"],
  ],
});
