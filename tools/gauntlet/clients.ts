/** The clients of docs/gauntlet.md: each with its library's defaults, and a deadline. */
import { shellWord } from "../../src/text/escape.ts";
import config from "../../deno.json" with { type: "json" };
import { root } from "../paths.ts";
import { grpcurl, python } from "../peers/grpc.ts";
import { debianLibraries, debianPeer, folder, npmPeer, run } from "../peers/install.ts";
import { run as runProgram } from "../programs.ts";

/** A client of the page. */
export interface Client {
  readonly name: string;
  /**
   * Installs it, or what of it is not there.
   *
   * @throws {Error} if it cannot be installed; the message says what is missing
   */
  readonly install: () => Promise<Installed>;
}

/** A client that is installed. */
export interface Installed {
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

async function pythonClient(script: string): Promise<Installed> {
  const path = await python();
  const version = await said(path, "-c", "import grpc; print(grpc.__version__)");
  const words = [path, `${here}/${script}`];
  return {
    versions: `grpcio ${version}, ${await said(path, "--version")}`,
    words,
    typed: `python3 tools/gauntlet/${script}`,
  };
}

async function goClient(module: string, program: string): Promise<Installed> {
  const path = `${folder}bin/${program}`;
  const goModule = `${root}tests/go`;
  await run("go", ["build", "-C", goModule, "-o", path, `./${program}`], {
    missing: `${program} is built with it; install Go 1.26 or later`,
  });
  const version = await said("go", "list", "-C", goModule, "-m", module);
  return {
    versions: `${version.replace(/^\S+ /, "")}, ${await said("go", "env", "GOVERSION")}`,
    words: [path],
    typed: `.interop/bin/${program}`,
  };
}

async function nodeClient(
  install: () => Promise<string>,
  package_: string,
  script: string,
  ...args: string[]
): Promise<Installed> {
  const modules = (await install()).replace(/node_modules\/.*/, "node_modules");
  return {
    versions: `${package_}, Node ${(await said("node", "--version")).slice(1)}`,
    words: ["node", `${here}/${script}`, modules, ...args],
    typed: ["node", `tools/gauntlet/${script}`, modules, ...args].join(" ").replaceAll(root, ""),
  };
}

async function tonicClient(): Promise<Installed> {
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
    versions: `${version}, Rust ${rust}`,
    words: [`${target}/release/gauntlet-tonic`],
    typed: ".interop/tonic/release/gauntlet-tonic",
  };
}

async function grpcurlClient(): Promise<Installed> {
  const path = await grpcurl();
  const { stdout } = await runProgram(["go"], ["version", "-m", path]);
  const contract = ["-import-path", `${root}proto`, "-proto", "user_service.proto"];
  const args = ["-plaintext", "-max-time", "2", ...contract, "-d", '{"username": "Alice"}'];
  const words = [path, ...args, "{address}", "userservice.UserService/GetUser"];
  return {
    versions: /^\s*mod\s+\S+\s+(\S+)/m.exec(stdout)![1]!,
    words,
    typed: "grpcurl -plaintext -max-time 2 -import-path proto -proto user_service.proto " +
      `-d '{"username": "Alice"}' {address} userservice.UserService/GetUser`,
  };
}

async function grpcJavaClient(): Promise<Installed> {
  const project = `${here}/grpc_java`;
  const pom = await Deno.readTextFile(`${project}/pom.xml`);
  const version = /<grpc\.version>(.*)<\/grpc\.version>/.exec(pom)![1]!;
  const home = `${folder}grpc-java-${version}`;
  await run("mvn", [
    ...["--quiet", "--batch-mode", "--file", `${project}/pom.xml`],
    ...["dependency:copy-dependencies", `-DoutputDirectory=${home}`],
  ], { missing: "grpc-java is installed with it; install Maven" });
  await run("javac", ["-cp", `${home}/*`, "-d", home, `${project}/GetUser.java`], {
    missing: "grpc-java's client is built with it; install a JDK, 17 or later",
  });
  const words = ["java", "-cp", `${home}:${home}/*`, "GetUser"];
  return {
    versions: `${version}, Java ${(await said("java", "--version")).split(" ")[1]}`,
    words,
    typed: words.map(shellWord).join(" ").replaceAll(root, ""),
  };
}

const debian = "it unpacks Debian's packages; use Debian or Ubuntu";

const grpcCppPlugin = debianPeer(
  "grpc-cpp",
  ["libgrpc++-dev", "libprotobuf-dev", "protobuf-compiler", "protobuf-compiler-grpc"],
  "usr/bin/grpc_cpp_plugin",
  debian,
);

async function cppClient(): Promise<Installed> {
  const plugin = await grpcCppPlugin();
  const home = `${folder}grpc-cpp`;
  const libraries = debianLibraries("grpc-cpp");
  await run(`${home}/usr/bin/protoc`, [
    ...[`-I${root}proto`, `--cpp_out=${home}`, `--grpc_out=${home}`],
    ...[`--plugin=protoc-gen-grpc=${plugin}`, proto],
  ], { env: { LD_LIBRARY_PATH: libraries } });
  const generated = [`${home}/user_service.pb.cc`, `${home}/user_service.grpc.pb.cc`];
  await run("g++", [
    ...["-O2", `-I${home}`, `-I${home}/usr/include`, "-o", `${home}/get_user`],
    ...[`${here}/get_user.cc`, ...generated, `-L${libraries}`],
    // RPATH, as RUNPATH does not hold for the libraries that its libraries need.
    ...["-Wl,--copy-dt-needed-entries", "-Wl,--disable-new-dtags", `-Wl,-rpath,${libraries}`],
    ...["-lgrpc++", "-lgrpc", "-lgpr", "-lprotobuf"],
  ], { missing: "gRPC's client for C++ is built with it; install g++" });
  const description = await Deno.readTextFile(`${libraries}/pkgconfig/grpc++.pc`);
  const version = /^Version: (.*)$/m.exec(description)![1]!;
  return {
    versions: `${version} of Debian, g++ ${await said("g++", "-dumpfullversion")}`,
    words: [`${home}/get_user`],
    typed: ".interop/grpc-cpp/get_user",
  };
}

const ruby = debianPeer("grpc-ruby", ["ruby", "ruby-grpc"], "usr/bin/ruby", debian);

async function rubyClient(): Promise<Installed> {
  const path = await ruby();
  const home = `${folder}grpc-ruby`;
  const libraries = debianLibraries("grpc-ruby");
  // Debian's Ruby looks for all of these in the system's folders.
  const library = [
    ...await foldersOf(`${home}/usr/lib/ruby`),
    ...await foldersOf(`${libraries}/ruby`),
  ];
  const gems = await foldersOf(`${libraries}/rubygems-integration`);
  const start = `${home}/start`;
  const script = `#!/bin/sh
export LD_LIBRARY_PATH="${libraries}"
export RUBYLIB="${library.join(":")}"
export GEM_PATH="${[`${home}/usr/share/rubygems-integration/all`, ...gems].join(":")}"
# The error alone, without the lines of the program.
exec "${path}" --disable=error_highlight --backtrace-limit=0 "$@"
`;
  await Deno.writeTextFile(start, script, { mode: 0o755 });
  const versions = 'require "grpc"; puts "#{GRPC::VERSION} of Debian, Ruby #{RUBY_VERSION}"';
  return {
    versions: await said(start, "-e", versions),
    words: [start, `${here}/get_user.rb`],
    typed: ".interop/grpc-ruby/start tools/gauntlet/get_user.rb",
  };
}

async function foldersOf(path: string): Promise<readonly string[]> {
  const entries = await Array.fromAsync(Deno.readDir(path));
  return entries.map(({ name }) => `${path}/${name}`).sort();
}

/** grpcio with its blocking calls. */
export const grpcio: Client = { name: "grpcio", install: () => pythonClient("grpcio.py") };

/** grpc-go. */
export const grpcGo: Client = {
  name: "grpc-go",
  install: () => goClient("google.golang.org/grpc", "gauntlet_grpc"),
};

/** grpcurl, which is a program itself. */
export const grpcurlItself: Client = { name: "grpcurl", install: grpcurlClient };

/**
 * All clients, in the order of the page.
 *
 * @param ours how usersvc is started
 */
export function allClients(ours: readonly string[]): readonly Client[] {
  const usersvc = {
    versions: config.version,
    words: [...ours, "call", "Alice"],
    typed: "usersvc call Alice",
  };
  return [
    grpcio,
    { name: "grpcio, asyncio", install: () => pythonClient("grpcio_aio.py") },
    { name: "C++", install: cppClient },
    { name: "Ruby", install: rubyClient },
    grpcGo,
    { name: "connect-go", install: () => goClient("connectrpc.com/connect", "gauntlet_connect") },
    { name: "grpc-java, Netty", install: grpcJavaClient },
    { name: "grpc-js", install: () => nodeClient(grpcJs, grpcJsPackage, "grpc_js.mjs", proto) },
    {
      name: "connect-node",
      install: () => nodeClient(connectNode, connectNodePackage, "connect_node.mjs"),
    },
    { name: "tonic", install: tonicClient },
    grpcurlItself,
    { name: "usersvc call", install: () => Promise.resolve(usersvc) },
  ];
}
