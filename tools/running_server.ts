/** An executable of usersvc, started as a server. */
export interface RunningServer {
  readonly port: number;
  /** Its stdout, line by line, from the start line on. */
  readonly lines: AsyncGenerator<string>;
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
  }).spawn();
  const lines = readLines(server.stdout);
  const started = (await lines.next()).value;
  const port = Number(started?.match(/\d+/)?.[0]);
  if (!(port > 0)) {
    throw new Error(`${program} serve has not started, exit code ${(await server.status).code}`);
  }
  return {
    port,
    lines: withFirst(started!, lines),
    async stop() {
      // Windows knows no SIGTERM, and its SIGINT goes to a whole console.
      server.kill(Deno.build.os === "windows" ? "SIGKILL" : "SIGTERM");
      return (await server.status).code;
    },
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
