/** The programs of these tests: those of Go, and those on grpc-js with either HTTP/2 below. */
import { fileURLToPath } from "node:url";
import { deno } from "../../tools/programs.ts";
import { root } from "../../tools/paths.ts";
import { buf } from "../../tools/peers/grpc.ts";
import { folder, run } from "../../tools/peers/install.ts";
import { runProgram } from "../support/program.ts";

const home = `${folder}conformance/`;
const go = fileURLToPath(new URL("go", import.meta.url));

/** What of Go is built: connectrpc's suite, gRPC's interop client and server, and a program of ours. */
const GO = {
  suite: ["connectrpc.com/conformance/cmd/connectconformance", "connectconformance"],
  interopClient: ["google.golang.org/grpc/interop/client", "client"],
  interopServer: ["google.golang.org/grpc/interop/server", "server"],
  ours: [".", "conformance"],
} as const;

let building: Promise<void> | undefined;

/**
 * Builds the programs of Go, which is quick the second time.
 *
 * @returns the path of one of them
 */
export async function goProgram(name: keyof typeof GO): Promise<string> {
  const packages = Object.values(GO).map(([package_]) => package_);
  building ??= run("go", ["build", "-C", go, "-o", home, ...packages], {
    missing: "what conformance is tested with is built with it; install Go 1.26 or later",
  });
  await building;
  return `${home}${GO[name][1]}`;
}

/** Writes the descriptors of the suite's messages, whose texts its module has, to a file; returns its path. */
export async function suiteDescriptors(): Promise<string> {
  await goProgram("suite");
  const path = `${home}suite.binpb`;
  const format = "-f={{.Dir}}";
  const { stdout } = await runProgram(
    "go",
    ["-C", go, "list", "-m", format, "connectrpc.com/conformance"],
  );
  const texts = `${stdout.trim()}/proto`;
  await run(await buf(), ["build", texts, "--as-file-descriptor-set", "-o", path]);
  return path;
}

/** The same for the messages of gRPC's interop tests, of which Go has no texts. */
export async function interopDescriptors(): Promise<string> {
  const path = `${home}interop.binpb`;
  const { stdout } = await new Deno.Command(await goProgram("ours"), { args: ["descriptors"] })
    .output();
  await Deno.writeFile(path, stdout);
  return path;
}

/** A program on grpc-js: what to run, and the environment that it needs. */
export interface Program {
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
}

const source = (name: string) => fileURLToPath(new URL(`${name}.ts`, import.meta.url));

/** A program on Deno, over HTTP/2 of our own. */
export function overOurs(name: string, ...args: string[]): Program {
  const options = ["run", "--quiet", "-A", "--no-check", "--config", `${root}deno.json`];
  return { command: [Deno.execPath(), ...options, source(name), ...args], env: { HTTP2: "ours" } };
}

/** The same program on Node, over its node:http2. */
export async function overNodes(name: string, ...args: string[]): Promise<Program> {
  const path = `${home}${name}.mjs`;
  const { code, stderr } = await deno(["bundle", "--quiet", "-o", path, source(name)]);
  if (code !== 0) throw new Error(`deno bundle failed:\n${stderr}`);
  return { command: ["node", path, ...args], env: { HTTP2: "node" } };
}
