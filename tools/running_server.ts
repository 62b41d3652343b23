/** An executable of usersvc, started as a server. */
export interface RunningServer {
  readonly port: number;
  /** Its stdout, line by line, from the start line on. */
  readonly lines: AsyncGenerator<string>;
  /** Its process, the supervisor where there are workers. */
  readonly pid: number;
  /** Waits until its stderr, which goes to this program's too, matches; null if it ends before. */
  told(pattern: RegExp): Promise<RegExpExecArray | null>;
  /** Stops it as a container's runtime would; returns its exit code. */
  stop(): Promise<number>;
}

/**
 * Starts `serve` on a free port and waits until it accepts calls.
 *
 * @param program path of the executable
 * @param args further arguments
 * @throws {Error} if the server ends before that; its stderr is this program's
 */
export async function startServer(
  program: string,
  args: readonly string[] = [],
): Promise<RunningServer> {
  const server = new Deno.Command(program, {
    args: ["serve", "--port", "0", ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const told = forward(server.stderr);
  const lines = readLines(server.stdout);
  const started = (await lines.next()).value;
  const port = Number(started?.match(/\d+/)?.[0]);
  if (!(port > 0)) {
    throw new Error(`${program} serve has not started, exit code ${(await server.status).code}`);
  }
  return {
    port,
    lines: withFirst(started!, lines),
    pid: server.pid,
    told,
    async stop() {
      // Windows knows no SIGTERM, and its SIGINT goes to a whole console.
      server.kill(Deno.build.os === "windows" ? "SIGKILL" : "SIGTERM");
      return (await server.status).code;
    },
  };
}

/** Passes on what a stream brings, and looks for patterns in all of it. */
function forward(stream: ReadableStream<Uint8Array>): RunningServer["told"] {
  let text = "";
  let ended = false;
  let more = Promise.withResolvers<void>();
  const change = () => {
    more.resolve();
    more = Promise.withResolvers();
  };
  const read = async () => {
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      Deno.stderr.writeSync(new TextEncoder().encode(chunk));
      change();
    }
    ended = true;
    change();
  };
  read();
  return async (pattern) => {
    while (!ended && !pattern.test(text)) await more.promise;
    return pattern.exec(text);
  };
}

async function* withFirst(
  first: string,
  rest: AsyncGenerator<string>,
): AsyncGenerator<string> {
  yield first;
  yield* rest;
}

async function* readLines(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let text = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const lines = text.split("\n");
    text = lines.pop()!;
    yield* lines;
  }
}
