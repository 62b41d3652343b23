/** Starts and runs the programs that are measured. */

/** A program with its arguments. */
export interface Program {
  readonly path: string;
  readonly args: readonly string[];
  /** Environment variables to add. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A server that accepts calls. */
export interface RunningServer {
  readonly pid: number;
  readonly port: number;
  readonly stop: () => Promise<void>;
}

/** The line that each of the servers prints when it accepts calls; holds the port. */
const STARTED = /^gRPC сервер запущен на порту (\d+)\.\.\.\r?\n/;

/**
 * Starts a server and waits until it accepts calls. All that it prints is read, as fast as it comes.
 *
 * @param ready what it has to say on stderr before that
 * @throws {Error} if it ends before it accepts calls; the message has what it said
 */
export async function startServer(program: Program, ready = /^/): Promise<RunningServer> {
  const child = new Deno.Command(program.path, {
    args: [...program.args],
    env: { ...program.env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const stdout = readUntil(child.stdout, STARTED);
  const stderr = readUntil(child.stderr, ready);
  const [started, isReady] = await Promise.all([stdout.match, stderr.match]);
  if (!started || !isReady) {
    const { code } = await child.status;
    throw new Error(
      `${program.path} ended (${code}) before it accepted calls: ${await stderr.start}`,
    );
  }
  return {
    pid: child.pid,
    port: Number(started[1]),
    stop: async () => {
      try {
        child.kill("SIGTERM");
      } catch {
        // It has ended, and what was measured has failed.
      }
      await child.status;
    },
  };
}

/** How much is kept of the start of what a server prints, in characters. */
const KEPT = 10_000;

/** Reads a stream to its end; `match` is the first match, or null if it ends without one. */
function readUntil(stream: ReadableStream<Uint8Array>, pattern: RegExp) {
  const match = Promise.withResolvers<RegExpExecArray | null>();
  const read = async () => {
    const decoder = new TextDecoder();
    let text = "";
    const look = () => {
      const found = pattern.exec(text);
      if (found) match.resolve(found);
    };
    look();
    for await (const chunk of stream) {
      if (text.length > KEPT) continue;
      text += decoder.decode(chunk, { stream: true });
      look();
    }
    match.resolve(null);
    return text.trim();
  };
  return { match: match.promise, start: read() };
}

/**
 * Runs a program to its end, its stdin from a text.
 *
 * @returns what it printed, and the wall time of the whole process in milliseconds
 * @throws {Error} if it fails
 */
export async function runTimed(
  { path, args, env }: Program,
  input = "",
): Promise<{ stdout: string; ms: number }> {
  const begun = performance.now();
  const child = new Deno.Command(path, {
    args: [...args],
    env: { ...env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  // A program that reads none of it may close the pipe.
  const fed = new Response(input).body!.pipeTo(child.stdin).catch(() => {});
  const { success, stdout, stderr } = await child.output();
  const ms = performance.now() - begun;
  await fed;
  const said = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!success) throw new Error(`${path} ${args.join(" ")} failed: ${said(stderr).trim()}`);
  return { stdout: said(stdout), ms };
}
