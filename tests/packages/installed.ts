/** An installed package: in a folder of its own, with an empty home and hardly any environment. */
import assert from "node:assert/strict";
import { kill as sendSignal } from "node:process";
import config from "../../deno.json" with { type: "json" };
import { root } from "../../tools/paths.ts";
import {
  LIMIT_MS,
  run as runToEnd,
  spawn as spawnProgram,
  startServer,
} from "../../tools/programs.ts";
import { type Result, runProgram, type Transcript } from "../support/program.ts";
import { exampleFile } from "../support/recipes.ts";
import { withTerminal } from "../support/terminal.ts";
import { pause } from "../support/waits.ts";

/** A package that is installed. */
export interface Installed {
  /** Where it is installed. */
  readonly folder: string;
  /** A folder with nothing in it, where programs run; HOME is another. */
  readonly empty: string;
  /** The whole environment of what runs. */
  readonly env: Record<string, string>;
  /** How the program is started. */
  readonly program: readonly [string, ...string[]];
}

/** Makes the folders of an installation, which any user may read. */
export async function makeFolders(): Promise<Omit<Installed, "program">> {
  const folder = await Deno.makeTempDir({ prefix: "usersvc-installed-" });
  await Deno.chmod(folder, 0o755);
  for (const name of ["home", "empty", "package"]) await Deno.mkdir(`${folder}/${name}`);
  return {
    folder: `${folder}/package`,
    empty: `${folder}/empty`,
    env: { PATH: Deno.env.get("PATH")!, HOME: `${folder}/home` },
  };
}

/** Removes what {@linkcode makeFolders} has made. */
export async function removeFolders({ empty }: Pick<Installed, "empty">): Promise<void> {
  await Deno.remove(empty.replace(/empty$/, ""), { recursive: true });
}

/** Runs an installer in the installation's folder, with the settings of this machine. */
export async function install(
  { folder, env }: Pick<Installed, "folder" | "env">,
  program: string,
  ...args: string[]
): Promise<void> {
  const line = ["-c", 'cd "$1" && HOME=$2 && export HOME && shift 2 && exec "$@"', "--"];
  const { code, stderr, stdout } = await runProgram("bash", [
    ...[...line, folder, env.HOME!, program],
    ...args,
  ]);
  assert.equal(code, 0, stdout + stderr);
}

const PIP = ["--quiet", "--only-binary=:all:", "--no-compile"];

/** Installs the package for PyPI in an environment of its own, and others. */
export async function installWheel(
  folders: Pick<Installed, "folder" | "env">,
  ...others: string[]
): Promise<void> {
  await install(folders, "python3", "-m", "venv", ".");
  const wheel = await packagePath("pypi", "-py3-none-any.whl");
  await install(folders, "bin/pip", "install", ...PIP, wheel, ...others);
}

/** What Python prints for some code. */
export async function python(installed: Installed, code: string): Promise<string> {
  const program = [`${installed.folder}/bin/python`, "-c"] as const;
  const { code: exitCode, stdout, stderr } = await run({ ...installed, program }, code);
  assert.equal(exitCode, 0, stderr);
  return stdout.trimEnd();
}

/** Installs the package for npm, and others. */
export async function installTarball(
  folders: Pick<Installed, "folder" | "env">,
  ...others: string[]
): Promise<void> {
  await Deno.writeTextFile(`${folders.folder}/package.json`, "{}");
  // Scripts of packages are what careful users switch off.
  const flags = ["--ignore-scripts", "--no-audit", "--no-fund"];
  await install(
    ...[folders, "npm", "install", ...flags, await packagePath("npm", ".tgz")] as const,
    ...others,
  );
}

/** The path of a package that `deno task package` has made. */
export async function packagePath(folder: string, name: string): Promise<string> {
  const path = `${root}dist/${folder}/${config.name}-${config.version}${name}`;
  await Deno.stat(path).catch(() => assert.fail(`${path} is missing: deno task package makes it`));
  return path;
}

/** Starts it. */
export function spawn(
  { program, empty, env }: Installed,
  args: readonly string[],
): Deno.ChildProcess {
  // None takes so long: it waits for something that does not come.
  const signal = AbortSignal.timeout(LIMIT_MS);
  return spawnProgram(program, args, { cwd: empty, clearEnv: true, env, signal });
}

/** Runs it to its end. */
export async function run(installed: Installed, ...args: string[]): Promise<Result> {
  return await runWith("", installed, ...args);
}

/** The same with something to read from stdin. */
function runWith(input: string, { program, empty, env }: Installed, ...args: string[]) {
  return runToEnd(program, args, { cwd: empty, clearEnv: true, env }, input);
}

/** Runs a line of bash in which `"$@"` is the program. */
export async function bash(installed: Installed, line: string): Promise<Result> {
  return await run({ ...installed, program: ["bash", "-c", line, "--", ...installed.program] });
}

/** A server that is running. */
export interface Server {
  readonly pid: number;
  readonly port: string;
  readonly stdout: Transcript;
  readonly stderr: Transcript;
  /** Waits for its end; returns its exit code and what it wrote to stderr. */
  ended(): Promise<{ code: number; stderr: string }>;
}

/** Starts a server, and ends it after the test if it has not ended by then. */
export async function withServer(
  installed: Installed,
  args: readonly string[],
  use: (server: Server) => Promise<void>,
): Promise<void> {
  const { program, empty, env } = installed;
  const server = await startServer(program, args, { cwd: empty, clearEnv: true, env });
  const { pid, port, stdout, stderr, exitCode, kill } = server;
  let over = false;
  void exitCode.then(() => over = true);
  const children = await childrenOf(pid);
  const ended = async () => {
    await exitCode;
    // What it has left behind would hold its output open.
    for (const child of children) await endProcess(child);
    return await server.ended();
  };
  try {
    await use({
      pid,
      port: `${port}`,
      stdout,
      stderr,
      async ended() {
        const timer = setTimeout(() => kill("SIGKILL"), MAX_END_MS);
        await exitCode;
        clearTimeout(timer);
        return await ended();
      },
    });
  } finally {
    if (!over) kill("SIGKILL");
    await ended();
  }
}

/** How long a server may take to end, in milliseconds. */
const MAX_END_MS = 20_000;

async function endProcess(pid: number): Promise<void> {
  const line = await Deno.readTextFile(`/proc/${pid}/cmdline`).catch(() => "");
  if (line.includes("usersvc")) sendSignal(pid, "SIGKILL");
}

/** The processes that a process has started. */
export async function childrenOf(pid: number): Promise<number[]> {
  const text = await Deno.readTextFile(`/proc/${pid}/task/${pid}/children`);
  return text.split(" ").filter((word) => word !== "").map(Number);
}

/** The servers of an installation, which alone run its Deno. */
export async function serversOf({ folder }: Installed): Promise<number[]> {
  const found: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    const path = /^\d+$/.test(name) ? await Deno.readLink(`/proc/${name}/exe`).catch(() => "") : "";
    if (path.startsWith(`${folder}/`)) found.push(Number(name));
  }
  return found;
}

/** How long a server may live without its runner, in milliseconds. */
const MAX_LEFT_MS = 2_000;

/** Whoever has started servers is gone: they end soon. */
export async function checkNoneLeft(installed: Installed, after: string): Promise<void> {
  let left = await serversOf(installed);
  for (const end = Date.now() + MAX_LEFT_MS; left.length > 0 && Date.now() < end;) {
    await pause(20);
    left = await serversOf(installed);
  }
  for (const pid of left) sendSignal(pid, "SIGKILL");
  assert.deepEqual(left, [], `servers are left after ${after}`);
}

/** Writes a file of an example in docs/testing.md to where programs run. */
export async function writeExample({ empty }: Installed, name: string): Promise<void> {
  await Deno.writeTextFile(`${empty}/${name}`, await exampleFile(name));
}

const DRAINED = /SIGTERM: draining.*\n.*drained, every call has finished\n$/;

/** It serves, is called in every way, and drains after one SIGTERM. */
export async function checkCalls(installed: Installed): Promise<void> {
  await withServer(installed, [], async (server) => {
    const port = ["--port", server.port];
    assert.deepEqual(await run(installed, "call", "Иван", ...port), {
      ...{ code: 0, stdout: "Привет, Иван!\n", stderr: "" },
    });
    assert.equal((await run(installed, "call", "", ...port)).code, 64 + 3);
    assert.deepEqual(await runWith("Alice\nBob\n", installed, "call", "-", ...port), {
      ...{ code: 0, stdout: "Привет, Alice!\nПривет, Bob!\n", stderr: "" },
    });
    sendSignal(server.pid, "SIGTERM");
    const { code, stderr } = await server.ended();
    assert.equal(code, 0, stderr);
    assert.match(stderr, DRAINED);
  });
}

/** Its exit codes and error lines are the program's; a pipe that closes is no error. */
export async function checkExitCodes(installed: Installed): Promise<void> {
  const [usage, refused, piped] = await Promise.all([
    run(installed, "serve", "--prot", "1"),
    run(installed, "call", "Alice", "--address", "127.0.0.1:1"),
    bash(installed, 'set -o pipefail; "$@" help serve | head -1'),
  ]);
  assert.deepEqual([usage.code, usage.stdout], [2, ""]);
  assert.match(usage.stderr, /^usersvc serve: .*\n$/);
  assert.deepEqual([refused.code, refused.stdout], [64 + 14, ""]);
  assert.match(refused.stderr, /^usersvc call: UNAVAILABLE .*\n$/);
  assert.deepEqual([piped.code, piped.stderr], [0, ""]);
  assert.equal(piped.stdout, "Run the server.\n");
}

/** A command that it runs has its streams and the address, and its exit code is the command's. */
export async function checkCommand(installed: Installed): Promise<void> {
  const script = 'cat; echo " at $USERSVC_ADDRESS"; exit 3';
  const { code, stdout } = await runWith("read", installed, "serve", "--", "sh", "-c", script);
  assert.equal(code, 3);
  assert.match(stdout, /^read at 127\.0\.0\.1:\d+\n$/);
}

/** Ctrl-C on a terminal drains; the call in flight is answered. */
export async function checkCtrlC(installed: Installed): Promise<void> {
  const words = installed.program.map((word) => `'${word}'`).join(" ");
  const script = `${installed.env.HOME}/terminal.sh`;
  await Deno.writeTextFile(
    script,
    `cd '${installed.empty}'; trap : INT; ` +
      `${words} serve --port 0 --delay 2s; echo "exit code $?"\n`,
  );
  await withTerminal(`bash ${script}`, async ({ type, screen }) => {
    const port = (await screen.until(/порту (\d+)\.\.\./))[1]!;
    const call = run(installed, "call", "Alice", "--port", port);
    await screen.until(/Alice/);
    await type("\x03");
    await screen.until(/SIGINT: draining/);
    assert.deepEqual(await call, { code: 0, stdout: "Привет, Alice!\n", stderr: "" });
    await screen.until(/drained, every call has finished\r?\nexit code 0\r?\n/);
  }, installed.env);
}

/** Nobody may write where it is installed, nor to the home; it runs and writes nothing. */
export async function checkReadOnly(installed: Installed): Promise<void> {
  const before = await fingerprint(installed);
  const everything = installed.empty.replace(/empty$/, "");
  const user = Deno.uid() === 0
    // A user without a home and a name, as containers may have one.
    ? ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
    : [];
  if (user.length === 0) await runProgram("chmod", ["-R", "a-w", everything]);
  const other = { ...installed, program: [...user, ...installed.program] as [string, ...string[]] };
  try {
    for (const HOME of [installed.env.HOME!, "", "/nonexistent"]) {
      const readOnly = { ...other, env: { ...installed.env, HOME } };
      const { code, stdout, stderr } = await run(readOnly, "--version");
      assert.deepEqual([code, stderr], [0, ""]);
      assert.equal(stdout, `${config.name} ${config.version} (deno 2.9.6)\n`);
    }
  } finally {
    if (user.length === 0) await runProgram("chmod", ["-R", "u+w", everything]);
  }
  assert.equal(await fingerprint(installed), before);
}

/** Every file of the installation, home included, with its size. */
async function fingerprint({ empty }: Installed): Promise<string> {
  const everything = empty.replace(/empty$/, "");
  return (await runProgram("find", [everything, "-type", "f", "-printf", "%p %s\n"])).stdout;
}

/** It says in one line why it does not run, with exit code 1. */
export async function checkRefusal(installed: Installed, why: RegExp): Promise<void> {
  const { code, stdout, stderr } = await run(installed, "--version");
  assert.deepEqual([code, stdout], [1, ""], stderr);
  assert.match(stderr, why);
  assert.match(stderr, /^usersvc: [^\n]*\n$/);
}

/** Copies an installation, its files linked, to change something in it. */
export async function doctored(
  installed: Installed,
  change: (folder: string) => Promise<void>,
  use: (copy: Installed) => Promise<void>,
): Promise<void> {
  const folder = `${installed.folder}-doctored`;
  await runProgram("cp", ["--archive", "--link", installed.folder, folder]);
  try {
    await change(folder);
    const program = installed.program.map((word) => word.replace(installed.folder, folder));
    await use({ ...installed, folder, program: program as [string, ...string[]] });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Puts another file in place of one that may be linked. */
export async function replaceFile(path: string, text: string, mode = 0o644): Promise<void> {
  await Deno.remove(path);
  await Deno.writeTextFile(path, text, { mode });
}
