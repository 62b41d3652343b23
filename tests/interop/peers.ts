/**
 * Installs other implementations of gRPC, Python's grpcio and Go's grpcurl, from their package
 * registries into the git-ignored folder .interop/. What is there at the right version stays.
 */
import { root } from "../../tools/paths.ts";

const windows = Deno.build.os === "windows";
const folder = `${root}.interop/`;

interface Peer {
  /** What is installed, with its version. */
  readonly packages: readonly string[];
  /** Written last: it tells a complete installation of these packages from any other. */
  readonly stamp: string;
  readonly executable: string;
  readonly install: () => Promise<void>;
}

const venv = `${folder}python`;
// Python's installer for Windows makes no python3.
const systemPython = windows ? "python" : "python3";

const pythonPeer: Peer = {
  packages: ["grpcio==1.85.1", "grpcio-tools==1.85.1"],
  stamp: `${folder}python.installed`,
  executable: `${venv}${windows ? "/Scripts/python.exe" : "/bin/python"}`,
  async install() {
    await run(systemPython, ["-m", "venv", "--clear", venv], {
      missing:
        "the Python client and server need it; install Python 3.10 or later with its venv module",
    });
    await run(this.executable, [
      ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check"],
      // grpcio's sources take many minutes and a C++ compiler: better to fail at once.
      ...["--only-binary=:all:", ...this.packages],
    ]);
  },
};

const grpcurlPeer: Peer = {
  packages: ["github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4"],
  stamp: `${folder}grpcurl.installed`,
  executable: `${folder}bin/grpcurl${windows ? ".exe" : ""}`,
  async install() {
    await run("go", ["install", ...this.packages], {
      missing: "grpcurl is built with it; install Go 1.25 or later",
      env: { GOBIN: `${folder}bin` },
    });
  },
};

const ghzPeer: Peer = {
  packages: ["github.com/bojand/ghz/cmd/ghz@v0.93.0"],
  stamp: `${folder}ghz.installed`,
  executable: `${folder}bin/ghz${windows ? ".exe" : ""}`,
  async install() {
    await run("go", ["install", ...this.packages], {
      missing: "ghz is built with it; install Go 1.25 or later",
      env: { GOBIN: `${folder}bin` },
    });
  },
};

/**
 * Installs grpcio and grpcio-tools unless they are there.
 *
 * @returns the path of the Python that has them
 * @throws {Error} if they cannot be installed; the message says what is missing
 */
export const python: () => Promise<string> = once(pythonPeer);

/**
 * Installs grpcurl unless it is there.
 *
 * @returns its path
 * @throws {Error} if it cannot be installed; the message says what is missing
 */
export const grpcurl: () => Promise<string> = once(grpcurlPeer);

/**
 * Installs ghz, a load generator on grpc-go, unless it is there.
 *
 * @returns its path
 * @throws {Error} if it cannot be installed; the message says what is missing
 */
export const ghz: () => Promise<string> = once(ghzPeer);

// A failure is kept as well: what could not be installed for one test cannot be for the next.
function once(peer: Peer): () => Promise<string> {
  let executable: Promise<string> | undefined;
  return () => executable ??= ensure(peer);
}

async function ensure(peer: Peer): Promise<string> {
  const packages = peer.packages.join(" ");
  if (!await isInstalled(peer, packages)) {
    console.error(`interop: installing ${packages}`);
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

interface InstallOptions {
  /** Why the program is needed and what to do, for the error where it is not on PATH. */
  readonly missing?: string;
  /** Environment variables to add. */
  readonly env?: Record<string, string>;
}

async function run(
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
      `interop: ${program} is not on PATH: ${missing} and run this again`,
    );
  }
  if (output.success) return;
  // venv explains its failures on stdout.
  const said = [output.stdout, output.stderr]
    .map((bytes) => new TextDecoder().decode(bytes)).join("").trim();
  throw new Error(`interop: ${program} ${args.join(" ")} failed:\n${said}`);
}
