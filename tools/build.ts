/**
 * Makes the bundle, and of it the executable ./usersvc with `deno compile`.
 *
 * Where the runtime that `deno compile` embeds (denort) cannot be downloaded, it writes a launcher
 * instead. Any other failure is an error.
 */
import { makeBundle } from "./bundle.ts";
import { deno, run } from "./programs.ts";
import { writeLauncher } from "./launcher.ts";
import { bundleFolder, root } from "./paths.ts";
import { permissionFlags, permissions, v8Flags } from "./run_flags.ts";
import { usesStandIn } from "./setup.ts";

const windows = Deno.build.os === "windows";

/** Whether `deno compile` failed only because it could not download denort. */
export function lacksDenort(stderr: string): boolean {
  return stderr.includes("Setting up base binary.") &&
    /error sending request for url|Bad response|Failed downloading/.test(stderr);
}

/** Makes the executable at a path; returns what `deno compile` said if it failed. */
async function compile(path: string, target?: string): Promise<string | undefined> {
  const { code, stderr } = await deno([
    ...["compile", "--no-config", "--quiet"],
    ...permissionFlags,
    v8Flags,
    ...(target === undefined ? [] : ["--target", target]),
    ...["--include", bundleFolder, "--output", path, `${bundleFolder}/main.js`],
  ]);
  return code === 0 ? undefined : stderr.trimEnd();
}

/** Whether an executable runs: one with the runtime of another Deno, given by DENORT_BIN, does not. */
async function runs(path: string): Promise<boolean> {
  try {
    return (await run([path], ["--version"])).code === 0;
  } catch {
    return false;
  }
}

function say(line: string): void {
  console.error(`build: ${line}`);
}

/**
 * Builds the executable.
 *
 * @param target a target triple of `deno compile`; by default this machine's
 * @returns the path of what was built, or undefined if the build failed; stderr says why
 */
export async function build(target?: string): Promise<string | undefined> {
  try {
    await makeBundle(bundleFolder);
  } catch (error) {
    say((error as Error).message);
    return undefined;
  }
  // `deno compile` does not replace a launcher, and a build that fails should leave what was there.
  const folder = await Deno.makeTempDir({ dir: root, prefix: ".build-" });
  try {
    const name = target?.includes("windows") ?? windows ? "usersvc.exe" : "usersvc";
    const fault = await compile(`${folder}/${name}`, target);
    if (fault !== undefined) return await withoutExecutable(fault, target);
    if (target === undefined && !await runs(`${folder}/${name}`)) {
      say(`the executable does not run: is DENORT_BIN the denort of Deno ${Deno.version.deno}?`);
      return undefined;
    }
    await Deno.rename(`${folder}/${name}`, `${root}${name}`);
    if (await usesStandIn()) {
      say("the stand-in for @std/cli is inside (see: deno task setup --fresh)");
    }
    return `${root}${name}`;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Writes a launcher where only the runtime is missing. */
async function withoutExecutable(fault: string, target?: string): Promise<string | undefined> {
  if (!lacksDenort(fault)) {
    say(`deno compile failed:\n${fault}`);
    return undefined;
  }
  if (target !== undefined) {
    say(`the runtime for ${target} cannot be downloaded from Deno's release server`);
    return undefined;
  }
  say("./usersvc is a launcher, not standalone: it needs this checkout and this Deno,");
  say("because the runtime for an executable cannot be downloaded from Deno's release server.");
  return await writeLauncher();
}

async function main(args: string[]): Promise<number> {
  const [, target] = /^--target[ =](\S+)$/.exec(args.join(" ")) ?? [];
  if (args.length > 0 && target === undefined) {
    console.error("usage: deno task build [--target TRIPLE]");
    return 2;
  }
  const path = await build(target);
  if (path === undefined) return 1;
  say(`${path} may:`);
  for (const { flag, why } of permissions) {
    console.error(`  ${flag.padEnd(46)}${why}`);
  }
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
