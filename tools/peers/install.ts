/**
 * Installs programs that usersvc is tested and measured with, from their package registries into the
 * git-ignored folder .interop/. What is there at the right version stays.
 *
 * Each function makes one that installs a program unless it is there, and returns its path. That one
 * throws if it cannot be installed; the message says what is missing.
 */
import { root } from "../paths.ts";
import { run as runProgram } from "../programs.ts";

const windows = Deno.build.os === "windows";

/** Where they are installed, with a slash at its end. */
export const folder = `${root}.interop/`;

/** A function that installs a program unless it is there, and returns its path. */
type Installer = () => Promise<string>;

/** A program of others. */
interface Peer {
  /** Of its stamp, and mostly of its folder. */
  readonly name: string;
  /** What is installed, with its version. */
  readonly packages: readonly string[];
  readonly executable: string;
  readonly install: () => Promise<void>;
}

/**
 * A program that Go builds.
 *
 * @param name of its executable
 * @param package_ as `go install` takes it, with its version
 */
export function goPeer(name: string, package_: string): Installer {
  return installOnce({
    name,
    packages: [package_],
    executable: `${folder}bin/${name}${windows ? ".exe" : ""}`,
    install: () =>
      run("go", ["install", package_], {
        missing: `${name} is built with it; install Go 1.25 or later`,
        env: { GOBIN: `${folder}bin` },
      }),
  });
}

/**
 * Programs of Python packages, in a virtual environment of their own.
 *
 * @param name of the environment's folder
 * @param packages each with its version
 * @param program what is wanted of it: `python`, or a script that a package brings
 */
export function pythonPeer(
  name: string,
  packages: readonly string[],
  program: string,
): Installer {
  const venv = `${folder}${name}`;
  // Python's installer for Windows makes no python3.
  const systemPython = windows ? "python" : "python3";
  const inVenv = (program: string) =>
    windows ? `${venv}/Scripts/${program}.exe` : `${venv}/bin/${program}`;
  return installOnce({
    name,
    packages,
    executable: inVenv(program),
    async install() {
      await run(systemPython, ["-m", "venv", "--clear", venv], {
        missing: `${
          packages.join(", ")
        } need it; install Python 3.10 or later with its venv module`,
      });
      await run(inVenv("python"), [
        ...["-m", "pip", "install", "--quiet", "--disable-pip-version-check"],
        // Building from sources takes many minutes and a C++ compiler: better to fail at once.
        ...["--only-binary=:all:", ...packages],
      ]);
    },
  });
}

/**
 * A program of an npm package.
 *
 * @param name of the folder
 * @param package_ with its version; what it installs for a platform it brings as a package of its own
 * @param program its path in `node_modules`
 */
export function npmPeer(name: string, package_: string, program: string): Installer {
  const home = `${folder}${name}`;
  return installOnce({
    name,
    packages: [package_],
    executable: `${home}/node_modules/${program}`,
    install: () =>
      run("npm", [
        ...["install", "--prefix", home, "--no-audit", "--no-fund", "--ignore-scripts"],
        package_,
      ], { missing: `it installs ${package_}; install it with Node` }),
  });
}

/**
 * A program of Debian's packages, unpacked into a folder: it needs no root and leaves the system as
 * it is. Debian keeps only the newest version of a package, so that none can be named.
 *
 * @param name of the folder
 * @param program its path there
 * @param missing what to do where there is no apt-get
 */
export function debianPeer(
  name: string,
  packages: readonly string[],
  program: string,
  missing: string,
): Installer {
  return installOnce({
    name,
    packages,
    executable: `${folder}${name}/${program}`,
    install: () => unpackDebian(name, packages, missing),
  });
}

/**
 * A program of the system, or of Debian's packages where it has none; then the path is that of a
 * script, which runs it with the libraries that came along.
 */
export function systemPeer(name: string, packages: readonly string[]): Installer {
  const home = `${folder}${name}`;
  const script = `#!/bin/sh
export PATH="${home}/usr/bin:${home}/bin:$PATH"
LD_LIBRARY_PATH=${debianLibraries(name)} exec ${name} "$@"
`;
  const executable = `${home}/start`;
  const install = async () => {
    await unpackDebian(name, packages, `install ${name} (of the package ${packages[0]})`);
    await Deno.writeTextFile(executable, script, { mode: 0o755 });
  };
  return once(async () =>
    await isOnPath(name) ? name : await ensure({ name, packages, executable, install })
  );
}

async function unpackDebian(
  name: string,
  packages: readonly string[],
  missing: string,
): Promise<void> {
  const home = `${folder}${name}`;
  await Deno.mkdir(`${home}/lists/partial`, { recursive: true });
  await Deno.mkdir(`${home}/archives/partial`, { recursive: true });
  // Lists of its own: the system's may be missing or old, and only root may refresh them.
  const apt = (...args: string[]) =>
    run("apt-get", [
      ...["-qq", "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=root"],
      ...["-o", `Dir::State::lists=${home}/lists`, "-o", `Dir::Cache=${home}`],
      ...args,
    ], { missing });
  await apt("update");
  await apt(
    ...["install", "-y", "--no-install-recommends", "--download-only", "--reinstall"],
    ...packages,
  );
  for await (const { name } of Deno.readDir(`${home}/archives`)) {
    if (name.endsWith(".deb")) await run("dpkg", ["-x", `${home}/archives/${name}`, home]);
  }
  // They are many times as large as the program.
  await Deno.remove(`${home}/lists`, { recursive: true });
}

/**
 * Where the libraries are that came along with a {@linkcode debianPeer}.
 *
 * @returns a value of LD_LIBRARY_PATH
 */
export function debianLibraries(name: string): string {
  return `${folder}${name}/usr/lib/${Deno.build.arch}-linux-gnu`;
}

function installOnce(peer: Peer): Installer {
  return once(() => ensure(peer));
}

/** Keeps a failure as well: what could not be installed for one test cannot be for the next. */
function once(make: Installer): Installer {
  let made: Promise<string> | undefined;
  return () => made ??= make();
}

async function ensure({ name, packages, executable, install }: Peer): Promise<string> {
  // Written last: it tells a complete installation of these packages from any other.
  const stamp = `${folder}${name}.installed`;
  const wanted = packages.join(" ");
  // A venv links to the system's Python, which may have gone.
  if (
    await exists(executable) && await exists(stamp) && await Deno.readTextFile(stamp) === wanted
  ) {
    return executable;
  }
  console.error(`peers: installing ${wanted}`);
  await Deno.mkdir(folder, { recursive: true });
  // What is interrupted now may not pass for an earlier, complete installation.
  await Deno.writeTextFile(stamp, "");
  await install();
  await Deno.writeTextFile(stamp, wanted);
  return executable;
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** What an installer needs. */
interface InstallOptions {
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
  let ended;
  try {
    ended = await runProgram([program], args, { env });
  } catch (error) {
    if (missing === undefined || !(error instanceof Deno.errors.NotFound)) throw error;
    throw new Error(`${program} is not on PATH: ${missing} and run this again`);
  }
  if (ended.code === 0) return;
  // venv explains its failures on stdout.
  const said = `${ended.stdout}${ended.stderr}`.trim();
  throw new Error(`${program} ${args.join(" ")} failed:\n${said}`);
}

/** Whether a program of that name can be started. */
export async function isOnPath(program: string): Promise<boolean> {
  try {
    await runProgram([program], ["--version"]);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
