/** Runs other programs, and usersvc among them as a server. */
import { root } from "./paths.ts";

/** How long anything may take that is waited for, in milliseconds; ten times what a slow machine takes. */
export const LIMIT_MS = 60_000;

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

  /**
   * Waits for that many lines; false if the stream ends before.
   *
   * @throws {Error} if neither happens within {@linkcode LIMIT_MS}
   */
  async lines(count: number): Promise<boolean> {
    return await this.#when(`${count} lines`, () => this.#lineCount >= count || undefined) ?? false;
  }

  /**
   * Waits until the text matches.
   *
   * @throws {Error} if the stream ends before that, or it does not match within {@linkcode LIMIT_MS}
   */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    const match = await this.#when(`${pattern}`, () => pattern.exec(this.#text) ?? undefined);
    if (match) return match;
    throw new Error(`ended without ${pattern}: ${JSON.stringify(this.#text)}`);
  }

  /** Waits until there is something; undefined if the stream ends before. */
  async #when<T>(what: string, look: () => T | undefined): Promise<T | undefined> {
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      this.#change();
    }, LIMIT_MS);
    try {
      for (;;) {
        const found = look();
        if (found !== undefined || this.#ended) return found;
        if (isLate) {
          throw new Error(`no ${what} within ${LIMIT_MS} ms: ${JSON.stringify(this.#text)}`);
        }
        await this.#changed.promise;
      }
    } finally {
      clearTimeout(timer);
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
export type Launch =
  & Pick<Deno.CommandOptions, "cwd" | "env" | "clearEnv" | "signal" | "uid" | "gid">
  & {
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
  input: string | Uint8Array<ArrayBuffer> = "",
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
  /** Writes to its stdin, where that is a pipe; that it reads no more of it is no error. */
  feed(input: string | Uint8Array): Promise<void>;
  /** Ends its stdin. */
  endInput(): Promise<void>;
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
  const stdin = launch?.stdin === "piped" ? child.stdin.getWriter() : undefined;
  const exitCode = child.status.then(({ code }) => code);
  return {
    pid: child.pid,
    stdout,
    stderr,
    kill: (signal) => child.kill(signal),
    async feed(input) {
      const bytes = typeof input === "string" ? new TextEncoder().encode(input) : input;
      await stdin?.write(bytes).catch(() => {});
    },
    endInput: async () => await stdin?.close().catch(() => {}),
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
    const { code, stdout, stderr } = await stopServer(server);
    throw new Error(`serve has not started, exit code ${code}: ${stdout}${stderr}`);
  });
  return { ...server, port: Number(started[1] ?? started[2]) };
}

/** Stops a server as a container's runtime would. */
export function stopServer(server: Running): Promise<Result> {
  try {
    // Windows knows no SIGTERM, and its SIGINT goes to a whole console.
    server.kill(Deno.build.os === "windows" ? "SIGKILL" : "SIGTERM");
  } catch {
    // It has already ended.
  }
  return server.ended();
}
