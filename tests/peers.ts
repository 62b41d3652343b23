/**
 * Installs programs that the tests run usersvc against, from their package registries into the
 * git-ignored folder .interop/. What is there at the right version stays.
 */
import { root } from "../tools/paths.ts";

const windows = Deno.build.os === "windows";

/** Where they are installed, with a slash at its end. */
export const folder = `${root}.interop/`;

/** A program of others. */
export interface Peer {
  /** What is installed, with its version. */
  readonly packages: readonly string[];
  /** Written last: it tells a complete installation of these packages from any other. */
  readonly stamp: string;
  readonly executable: string;
  readonly install: () => Promise<void>;
}

/**
 * A program that Go builds.
 *
 * @param name of its executable
 * @param package_ as `go install` takes it, with its version
 */
export function goPeer(name: string, package_: string): Peer {
  return {
    packages: [package_],
    stamp: `${folder}${name}.installed`,
    executable: `${folder}bin/${name}${windows ? ".exe" : ""}`,
    async install() {
      await run("go", ["install", package_], {
        missing: `${name} is built with it; install Go 1.25 or later`,
        env: { GOBIN: `${folder}bin` },
      });
    },
  };
}

/**
 * Makes a function that installs a program unless it is there.
 *
 * @returns it returns the program's path, and throws if it cannot be installed; the message says
 * what is missing
 */
export function installOnce(peer: Peer): () => Promise<string> {
  // A failure is kept as well: what could not be installed for one test cannot be for the next.
  let executable: Promise<string> | undefined;
  return () => executable ??= ensure(peer);
}

async function ensure(peer: Peer): Promise<string> {
  const packages = peer.packages.join(" ");
  if (!await isInstalled(peer, packages)) {
    console.error(`peers: installing ${packages}`);
    await Deno.mkdir(folder, { recursive: true });
    // What is interrupted now may not pass for an earlier, complete installation.
    await Deno.writeTextFile(peer.stamp, "");
    await peer.install();
    await Deno.writeTextFile(peer.stamp, packages);
  }
  return peer.executable;
}

async function isInstalled(peer: Peer, packages: string): Promise<boolean> {
  try {
    // A venv links to the system's Python, which may have gone.
    await Deno.stat(peer.executable);
    return await Deno.readTextFile(peer.stamp) === packages;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** What an installer needs. */
export interface InstallOptions {
  /** Why the program is needed and what to do, for the error where it is not on PATH. */
  readonly missing?: string;
  /** Environment variables to add. */
  readonly env?: Record<string, string>;
}

/** Runs an installer to its end; throws with what it said if it fails. */
export async function run(
  program: string,
  args: readonly string[],
  { missing, env = {} }: InstallOptions = {},
): Promise<void> {
  let output;
  try {
    output = await new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      env,
    }).output();
  } catch (error) {
    if (missing === undefined || !(error instanceof Deno.errors.NotFound)) {
      throw error;
    }
    throw new Error(
      `${program} is not on PATH: ${missing} and run this again`,
    );
  }
  if (output.success) return;
  // venv explains its failures on stdout.
  const said = [output.stdout, output.stderr]
    .map((bytes) => new TextDecoder().decode(bytes)).join("").trim();
  throw new Error(`${program} ${args.join(" ")} failed:\n${said}`);
}
