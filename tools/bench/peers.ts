/** The programs that usersvc is measured beside, installed into the git-ignored folder .interop/. */
import { fileURLToPath } from "node:url";
import config from "../../deno.json" with { type: "json" };
import { grpcurl, python } from "../peers/grpc.ts";
import { folder, goPeer, installOnce, isOnPath, npmPeer, run } from "../peers/install.ts";
import { root } from "../paths.ts";
import { type Program, runTimed, type Server } from "./program.ts";

const home = `${folder}bench/`;
const protoFolder = `${root}proto`;
const protoFile = "user_service.proto";
const goModule = "usersvc.example/grpc-go";

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
    name: "Python (grpcio)",
    program: await pythonProgram(interop("server.py"), "0"),
    versions: await said(await python(), "-c", PYTHON_VERSIONS),
  };
}

const PYTHON_VERSIONS = `import grpc, platform
print(f"Python {platform.python_version()} with grpcio {grpc.__version__}")`;

/** The version that usersvc uses; it brings the proto-loader. */
const grpcJsPackage = config.imports["@grpc/grpc-js"].replace(/^npm:/, "");

const grpcJs = installOnce(npmPeer("grpc-js", grpcJsPackage, "@grpc/grpc-js/package.json"));

/** Node's version. Where it is not on PATH, Deno puts itself there under its name. */
async function nodeVersion(): Promise<string> {
  const version = await isOnPath("node") ? await said("node", "--version") : "";
  if (!/^v\d/.test(version)) throw new Error("node is not on PATH");
  return version.slice(1);
}

/** The same server on grpc-js, on Node. */
export async function nodeServer(): Promise<Server> {
  const node = await nodeVersion();
  await grpcJs();
  // Node looks for packages in the folders above the module.
  const module = `${folder}grpc-js/server.mjs`;
  await Deno.copyFile(source("grpc_js.mjs"), module);
  return {
    name: "grpc-js on Node",
    program: { path: "node", args: [module, `${protoFolder}/${protoFile}`, "0"] },
    versions: `Node ${node} with ${grpcJsPackage}`,
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
    name: "grpc-go",
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

/** A client's command line for a server's address. */
export type Client = (address: string) => Program;

/** The tutorial's client: one call. */
export async function pythonClient(): Promise<Client> {
  const client = await pythonProgram(interop("client.py"));
  return (address) => ({ ...client, args: [...client.args, address, "Alice"] });
}

/** grpcurl: one call, the contract from its file. */
export async function grpcurlClient(): Promise<Client> {
  const path = await grpcurl();
  return (address) => ({
    path,
    args: [
      ...["-plaintext", "-import-path", protoFolder, "-proto", protoFile],
      ...["-d", '{"username":"Alice"}', address, "userservice.UserService/GetUser"],
    ],
  });
}
