/** The root file system of the container, made by hand where no container engine is needed. */
import { makeBundle } from "../../tools/bundle.ts";
import { runFlags } from "../../tools/run_flags.ts";
import { runProgram } from "../support/program.ts";

/** A folder to be the root of a process. */
export interface RootFolder {
  readonly path: string;
  /** How usersvc is started in it. */
  readonly commandLine: readonly string[];
  /** Environment variables that it needs. */
  readonly env: Record<string, string>;
}

/**
 * Makes the root folder: where USERSVC_UNDER_TEST names an executable, that one and its libraries,
 * as in the image; otherwise the bundle that it is compiled from and this Deno, which stand in for it.
 */
export async function makeRoot(): Promise<RootFolder> {
  const path = await Deno.makeTempDir({ prefix: "usersvc-root-" });
  // Any user has to reach what is in it.
  await Deno.chmod(path, 0o755);
  for (const folder of ["dev", "proc", "tmp"]) await Deno.mkdir(`${path}/${folder}`);
  const executable = Deno.env.get("USERSVC_UNDER_TEST");
  if (executable && await isElf(executable)) {
    await copyProgram(executable, `${path}/usersvc`, path);
    return { path, commandLine: ["/usersvc"], env: {} };
  }
  await copyProgram(Deno.execPath(), `${path}/deno`, path);
  await makeBundle(`${path}/app`);
  return {
    path,
    commandLine: ["/deno", ...runFlags, "/app/main.js"],
    env: { DENO_DIR: "/none" },
  };
}

async function isElf(path: string): Promise<boolean> {
  using file = await Deno.open(path);
  const start = new Uint8Array(4);
  await file.read(start);
  return new TextDecoder().decode(start) === "\x7fELF";
}

async function copyProgram(from: string, to: string, rootPath: string): Promise<void> {
  await shellCopy(from, to);
  const { stdout } = await runProgram("ldd", [from]);
  for (const [library] of stdout.matchAll(/\/\S+(?= \()/g)) {
    await shellCopy(library, `${rootPath}${library}`);
  }
}

async function shellCopy(from: string, to: string): Promise<void> {
  await Deno.mkdir(to.replace(/\/[^/]*$/, ""), { recursive: true });
  const { code, stderr } = await runProgram("cp", ["--recursive", "--dereference", from, to]);
  if (code !== 0) throw new Error(stderr);
}
