/** The programs of these tests on grpc-js, with either HTTP/2 below, and what they are told of messages. */
import { fileURLToPath } from "node:url";
import { deno } from "../../tools/programs.ts";
import { root } from "../../tools/paths.ts";
import { buf } from "../../tools/peers/grpc.ts";
import { folder, run } from "../../tools/peers/install.ts";
import { goModule, goProgram } from "../support/go.ts";
import { runProgram } from "../support/program.ts";

/** Returns the path of a file that is made for these tests. */
async function made(name: string): Promise<string> {
  const home = `${folder}conformance/`;
  await Deno.mkdir(home, { recursive: true });
  return home + name;
}

/** Builds connectrpc's suite; returns its path. */
export const suite = () => goProgram("connectrpc.com/conformance/cmd/connectconformance");

/** Writes the descriptors of the suite's messages, whose texts its module has, to a file; returns its path. */
export async function suiteDescriptors(): Promise<string> {
  // Its module is there once it is built.
  await suite();
  const path = await made("suite.binpb");
  const list = ["-C", goModule, "list", "-m", "-f={{.Dir}}", "connectrpc.com/conformance"];
  const texts = `${(await runProgram("go", list)).stdout.trim()}/proto`;
  await run(await buf(), ["build", texts, "--as-file-descriptor-set", "-o", path]);
  return path;
}

/** The same for the messages of gRPC's interop tests, of which Go has no texts. */
export async function interopDescriptors(): Promise<string> {
  const path = await made("interop.binpb");
  const program = await goProgram("interop_cases");
  const { stdout } = await new Deno.Command(program, { args: ["descriptors"] }).output();
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
  const path = await made(`${name}.mjs`);
  const { code, stderr } = await deno(["bundle", "--quiet", "-o", path, source(name)]);
  if (code !== 0) throw new Error(`deno bundle failed:\n${stderr}`);
  return { command: ["node", path, ...args], env: { HTTP2: "node" } };
}
