/** Runs the real program as a process, for the tests. */
import { shellWord } from "../../src/cli/escape.ts";
import { mainModule, root } from "../../tools/paths.ts";
import { sourcePermissionFlags } from "../../tools/permissions.ts";
import { runFlags } from "../../tools/run_flags.ts";

const windows = Deno.build.os === "windows";

/**
 * What the tests start: the sources with the program's own permissions, or what the environment variable
 * USERSVC_UNDER_TEST names, an executable or the main.js of a bundle.
 */
function commandLine(): [string, ...string[]] {
  const named = Deno.env.get("USERSVC_UNDER_TEST");
  if (named?.endsWith(".js")) return [Deno.execPath(), ...runFlags(Deno.execPath()), named];
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
export function linuxTest(
  name: string,
  fn: (test: Deno.TestContext) => Promise<void>,
): void {
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

/** How a process ended and what it printed. */
export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Options of a run. */
export interface RunOptions {
  /** Environment variables to add. */
  readonly env?: Record<string, string>;
}

/** Runs the program to its end. */
export async function usersvc(
  args: readonly string[],
  options: RunOptions = {},
): Promise<Result> {
  const [program, ...before] = commandLine();
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...before, ...args],
    stdin: "null",
    env: { NO_COLOR: "1", ...options.env },
  }).output();
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

/** A run of the program that has not ended yet. */
export interface Running {
  readonly stderr: Transcript;
  kill(signal: Deno.Signal): void;
  /** Waits for the end of the process. */
  ended(): Promise<Result>;
}

/** Starts the program, to do something while it runs. */
export function startUsersvc(args: readonly string[]): Running {
  const [program, ...before] = commandLine();
  const child = new Deno.Command(program, {
    args: [...before, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
  const stdout = new Transcript(child.stdout);
  const stderr = new Transcript(child.stderr);
  return {
    stderr,
    kill: (signal) => child.kill(signal),
    ended: async () => {
      const { code } = await child.status;
      return { code, stdout: await stdout.all(), stderr: await stderr.all() };
    },
  };
}

/** A shell command line that starts the program, for tests of pipes and terminals. */
export function shellCommand(args: string): string {
  return `${commandLine().map((word) => `'${word}'`).join(" ")} ${args}`;
}

/** Runs a line of shell. */
export function shell(line: string): Promise<Result> {
  return runProgram("bash", ["-c", line]);
}

/** Runs any program to its end. */
export async function runProgram(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string } = {},
): Promise<Result> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    stdin: "null",
    env: { NO_COLOR: "1" },
    ...options,
  }).output();
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
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

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Text that a process prints, of which a test can wait for a part. */
export class Transcript {
  #text = "";
  #lineCount = 0;
  #ended = false;
  #changed = Promise.withResolvers<void>();
  readonly #done: Promise<void>;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#done = this.#read(stream);
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<void> {
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      this.#text += chunk;
      this.#lineCount += chunk.split("\n").length - 1;
      this.#change();
    }
    this.#ended = true;
    this.#change();
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  /** What was printed so far. */
  get text(): string {
    return this.#text;
  }

  /** How many lines were printed so far. */
  get lineCount(): number {
    return this.#lineCount;
  }

  /** Waits for that many lines; false if the stream ends before. */
  async lines(count: number): Promise<boolean> {
    while (this.#lineCount < count && !this.#ended) await this.#changed.promise;
    return this.#lineCount >= count;
  }

  /** Waits until the text matches; throws if the stream ends before that. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    while (true) {
      const match = pattern.exec(this.#text);
      if (match) return match;
      if (this.#ended) {
        throw new Error(
          `ended without ${pattern}: ${JSON.stringify(this.#text)}`,
        );
      }
      await this.#changed.promise;
    }
  }

  /** Waits until the stream ends and returns all of it. */
  async all(): Promise<string> {
    await this.#done;
    return this.#text;
  }
}

/** A started `usersvc serve`. */
export interface Serve {
  readonly port: number;
  readonly stdout: Transcript;
  readonly stderr: Transcript;
  readonly pid: number;
  kill(signal: Deno.Signal): void;
  /** Waits for the end of the process. */
  ended(): Promise<Result>;
}

/** The start line in the text form and its record in the JSON form of the log; holds the port. */
export const STARTED =
  /^gRPC сервер запущен на порту (\d+)\.\.\.\n|"event":"listening".*?"port":(\d+)\b.*\n/;

/** Starts the program, its output still to be read. */
export function spawnUsersvc(
  args: readonly string[],
  { stdin = "null" }: { stdin?: "null" | "piped" } = {},
): Deno.ChildProcess {
  const [program, ...before] = commandLine();
  return new Deno.Command(program, {
    args: [...before, ...args],
    stdin,
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
}

/** Starts `usersvc serve` on a free port, its output still to be read. */
export function spawnServe(
  args: readonly string[] = [],
  limits: readonly string[] = [],
): Deno.ChildProcess {
  const [program, ...before] = [...limited(limits), ...commandLine()] as [string, ...string[]];
  return new Deno.Command(program, {
    args: [...before, "serve", "--port", "0", ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).spawn();
}

/** Starts `usersvc serve` on a free port and waits until it accepts calls. */
export async function startServe(
  args: readonly string[] = [],
  limits: readonly string[] = [],
): Promise<Serve> {
  const child = spawnServe(args, limits);
  const stdout = new Transcript(child.stdout);
  const stderr = new Transcript(child.stderr);
  const started = await stdout.until(STARTED);
  return {
    port: Number(started[1] ?? started[2]),
    stdout,
    stderr,
    pid: child.pid,
    kill: (signal) => child.kill(signal),
    ended: async () => {
      const { code } = await child.status;
      return { code, stdout: await stdout.all(), stderr: await stderr.all() };
    },
  };
}

/** What has to come before a command line to limit its resources, as bash's `ulimit` does. */
function limited(limits: readonly string[]): string[] {
  return limits.length === 0 ? [] : ["bash", "-c", `ulimit ${limits.join(" ")} && exec "$@"`, "--"];
}

/**
 * Starts a server for one test and stops it afterwards.
 *
 * @param limits arguments of bash's `ulimit`
 */
export async function withServe<T>(
  use: (server: Serve) => Promise<T>,
  args: readonly string[] = [],
  limits: readonly string[] = [],
): Promise<T> {
  const server = await startServe(args, limits);
  try {
    return await use(server);
  } finally {
    try {
      // Windows knows no SIGTERM, and its SIGINT goes to a whole console.
      server.kill(windows ? "SIGKILL" : "SIGTERM");
    } catch {
      // It has already ended.
    }
    await server.ended();
  }
}
