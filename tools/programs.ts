/** Runs other programs, and usersvc among them as a server. */
import { root } from "./paths.ts";

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
      if (this.#ended) throw new Error(`ended without ${pattern}: ${JSON.stringify(this.#text)}`);
      await this.#changed.promise;
    }
  }

  /** Waits until the stream ends and returns all of it. */
  async all(): Promise<string> {
    await this.#done;
    return this.#text;
  }
}

/** How a process ended and what it printed. */
export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program with its first arguments. */
export type CommandLine = readonly [string, ...string[]];

/** How a program is started. */
export type Launch = Pick<Deno.CommandOptions, "cwd" | "env" | "clearEnv"> & {
  readonly stdin?: "null" | "piped";
};

/** Starts a program, its output still to be read. */
export function spawn(
  [program, ...before]: CommandLine,
  args: readonly string[],
  launch: Launch = {},
): Deno.ChildProcess {
  return new Deno.Command(program, {
    args: [...before, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    ...launch,
  }).spawn();
}

/**
 * Runs a program to its end.
 *
 * @param input what it can read from stdin
 */
export async function run(
  command: CommandLine,
  args: readonly string[],
  launch: Omit<Launch, "stdin"> = {},
  input = "",
): Promise<Result> {
  const child = spawn(command, args, { ...launch, stdin: "piped" });
  // A program that reads none of it may have ended before.
  const fed = new Response(input).body!.pipeTo(child.stdin).catch(() => {});
  const { code, stdout, stderr } = await child.output();
  await fed;
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: decode(stdout), stderr: decode(stderr) };
}

/**
 * Runs this Deno in the checkout, to its end.
 *
 * @param env environment variables to add
 */
export function deno(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  input?: string,
): Promise<Result> {
  const launch = { cwd: root, env: { NO_COLOR: "1", RUST_BACKTRACE: "0", ...env } };
  return run([Deno.execPath()], args, launch, input);
}

/** A program that runs. */
export interface Running {
  readonly pid: number;
  readonly stdout: Transcript;
  readonly stderr: Transcript;
  kill(signal: Deno.Signal): void;
  /** The exit code, once the process has ended; what it has left behind may still print. */
  readonly exitCode: Promise<number>;
  /** Waits for the end of the process, and of its output. */
  ended(): Promise<Result>;
}

/** Starts a program and reads what it prints. */
export function start(command: CommandLine, args: readonly string[], launch?: Launch): Running {
  const child = spawn(command, args, launch);
  const stdout = new Transcript(child.stdout);
  const stderr = new Transcript(child.stderr);
  const exitCode = child.status.then(({ code }) => code);
  return {
    pid: child.pid,
    stdout,
    stderr,
    kill: (signal) => child.kill(signal),
    exitCode,
    ended: async () => ({
      code: await exitCode,
      stdout: await stdout.all(),
      stderr: await stderr.all(),
    }),
  };
}

/** A started `usersvc serve`. */
export interface RunningServer extends Running {
  readonly port: number;
}

/** The start line in the text form and its record in the JSON form of the log; holds the port. */
export const STARTED =
  /^gRPC сервер запущен на порту (\d+)\.\.\.\r?\n|"event":"listening".*?"port":(\d+)\b.*\n/;

/**
 * Starts `serve` on a free port and waits until it accepts calls.
 *
 * @param command usersvc
 * @param args further arguments
 * @throws {Error} if the server ends before that; the message has what it said
 */
export async function startServer(
  command: CommandLine,
  args: readonly string[] = [],
  launch?: Launch,
): Promise<RunningServer> {
  const server = start(command, ["serve", "--port", "0", ...args], launch);
  const started = await server.stdout.until(STARTED).catch(async () => {
    const { code, stdout, stderr } = await server.ended();
    throw new Error(`serve has not started, exit code ${code}: ${stdout}${stderr}`);
  });
  return { ...server, port: Number(started[1] ?? started[2]) };
}

/** Stops a server as a container's runtime would. */
export function stopServer(server: RunningServer): Promise<Result> {
  try {
    // Windows knows no SIGTERM, and its SIGINT goes to a whole console.
    server.kill(Deno.build.os === "windows" ? "SIGKILL" : "SIGTERM");
  } catch {
    // It has already ended.
  }
  return server.ended();
}
