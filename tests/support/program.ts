/** Runs the real program as a process, for the tests. */
import { shellWord } from "../../src/text/escape.ts";
import { mainModule, root } from "../../tools/paths.ts";
import { runFlags, sourcePermissionFlags } from "../../tools/run_flags.ts";
import {
  type CommandLine,
  type Launch,
  type Result,
  run,
  type Running,
  type RunningServer,
  spawn,
  start,
  startServer,
  stopServer,
} from "../../tools/programs.ts";

export { type Result, STARTED, Transcript } from "../../tools/programs.ts";

/** A started `usersvc serve`. */
export type Serve = RunningServer;

/** What every program is started with. */
const PLAIN = { NO_COLOR: "1" };

const windows = Deno.build.os === "windows";

/**
 * What the tests start: the sources with the program's own permissions, or what the environment variable
 * USERSVC_UNDER_TEST names, an executable or the main.js of a bundle.
 */
function commandLine(): CommandLine {
  const named = Deno.env.get("USERSVC_UNDER_TEST");
  if (named?.endsWith(".js")) return [Deno.execPath(), ...runFlags, named];
  if (named) return [named];
  const config = `${root}deno.json`;
  return [
    Deno.execPath(),
    "run",
    "--quiet",
    "--config",
    config,
    ...sourcePermissionFlags,
    mainModule,
  ];
}

const granted = (["run", "env", "net", "read", "write"] as const)
  .every((name) => Deno.permissions.querySync({ name }).state === "granted");

/** A test that starts programs; a bare `deno test`, which has no permissions, ignores it. */
export function programTest(name: string, fn: (test: Deno.TestContext) => Promise<void>): void {
  Deno.test({ name, ignore: !granted, fn });
}

/** A {@linkcode programTest} of signals, pipes or terminals, which Windows has in other forms. */
export function posixTest(name: string, fn: () => Promise<void>): void {
  if (!windows) programTest(name, fn);
}

/** A {@linkcode programTest} of what Linux alone tells of a process, its memory and CPU time. */
export function linuxTest(name: string, fn: (test: Deno.TestContext) => Promise<void>): void {
  if (Deno.build.os === "linux") programTest(name, fn);
}

/** Gives a test a folder of its own, which goes away with all that is in it. */
export async function withFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "usersvc-test-" });
  try {
    return await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/**
 * Runs the program to its end.
 *
 * @param env environment variables to add
 * @param input its stdin
 */
export function usersvc(
  args: readonly string[],
  { env = {}, input }: { env?: Record<string, string>; input?: string | Uint8Array<ArrayBuffer> } =
    {},
): Promise<Result> {
  return run(commandLine(), args, { env: { ...PLAIN, ...env } }, input);
}

/** Starts the program, its output still to be read. */
export function spawnUsersvc(args: readonly string[], launch: Launch = {}): Deno.ChildProcess {
  return spawn(commandLine(), args, { env: PLAIN, ...launch });
}

/** Starts the program, to do something while it runs. */
export function startUsersvc(args: readonly string[], launch: Launch = {}): Running {
  return start(commandLine(), args, { ...launch, env: { ...PLAIN, ...launch.env } });
}

/** A shell command line that starts the program, for tests of pipes and terminals. */
export function shellCommand(args: string): string {
  return `${commandLine().map((word) => `'${word}'`).join(" ")} ${args}`;
}

/** Runs a line of shell. */
export function shell(line: string): Promise<Result> {
  return runProgram("bash", ["-c", line]);
}

/** Starts any program. */
export function startProgram(program: string, args: readonly string[]): Running {
  return start([program], args, { env: PLAIN });
}

/** Runs any program to its end. */
export function runProgram(
  program: string,
  args: readonly string[],
  launch: Launch = {},
): Promise<Result> {
  return run([program], args, { env: PLAIN, ...launch });
}

/** Runs a line of shell whose three streams are a terminal; stdout is what the terminal shows. */
export function shellOnTerminal(line: string): Promise<Result> {
  const bash = `bash -c ${shellWord(line)}`;
  // The syntax of `script` differs between Linux and macOS.
  return shell(
    Deno.build.os === "linux"
      ? `script -qec ${shellWord(bash)} /dev/null | tr -d '\\r'`
      : `script -q /dev/null ${bash} | tr -d '\\r'`,
  );
}

/**
 * Starts `usersvc serve` on a free port and waits until it accepts calls.
 *
 * @param limits arguments of bash's `ulimit`
 */
export function startServe(
  args: readonly string[] = [],
  limits: readonly string[] = [],
): Promise<RunningServer> {
  const limited: CommandLine = ["bash", "-c", `ulimit ${limits.join(" ")} && exec "$@"`, "--"];
  const command = limits.length === 0 ? commandLine() : [...limited, ...commandLine()] as const;
  return startServer(command, args, { env: PLAIN });
}

/** Starts a server for one test, as {@linkcode startServe} does, and stops it afterwards. */
export async function withServe<T>(
  use: (server: Serve) => Promise<T>,
  args: readonly string[] = [],
  limits: readonly string[] = [],
): Promise<T> {
  const server = await startServe(args, limits);
  try {
    return await use(server);
  } finally {
    await stopServer(server);
  }
}

/** A {@linkcode programTest} with a server of its own, which takes the arguments of {@linkcode withServe}. */
export const serveTest = servedBy(programTest);

/** The same for a {@linkcode posixTest}. */
export const posixServeTest = servedBy(posixTest);

/** The same for a {@linkcode linuxTest}. */
export const linuxServeTest = servedBy(linuxTest);

function servedBy(test: (name: string, fn: () => Promise<void>) => void) {
  return (name: string, ...served: Parameters<typeof withServe<unknown>>) =>
    test(name, async () => void await withServe(...served));
}
