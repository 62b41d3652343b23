/** Starts and runs the programs that are measured. */
import { setTimeout as delay } from "node:timers/promises";

/** A program with its arguments. */
export interface Program {
  readonly path: string;
  readonly args: readonly string[];
  /** Environment variables to add. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A server to measure. */
export interface Server {
  readonly name: string;
  readonly program: Program;
  /** The versions of what it runs on. */
  readonly versions?: string;
  /** What it has to print before all of it is up. */
  readonly ready?: RegExp;
}

/** A server that accepts calls. */
export interface RunningServer {
  readonly name: string;
  readonly pid: number;
  readonly port: number;
  readonly stop: () => Promise<void>;
}

/** The line that each of the servers prints when it accepts calls; holds the port. */
const STARTED = /^gRPC сервер запущен на порту (\d+)\.\.\.\r?$/m;

/** How often the file of a server is read until it says that it accepts calls, in milliseconds. */
const LOOK_MS = 10;

/**
 * Starts a server that prints into a file, and waits until it accepts calls.
 *
 * @throws {Error} if it ends before it accepts calls; the message has what it said
 */
export async function startServer(server: Server): Promise<RunningServer> {
  const { name, program: { path, args, env }, ready = /^/ } = server;
  const log = await Deno.makeTempFile({ prefix: "usersvc-bench-" });
  const child = new Deno.Command("sh", {
    args: ["-c", 'log=$0; exec "$@" >>"$log" 2>&1', log, path, ...args],
    env: { ...env },
    stdin: "null",
  }).spawn();
  let ended = false;
  const end = child.status.finally(() => ended = true);
  const stop = async () => {
    if (!ended) child.kill("SIGTERM");
    await end;
    await Deno.remove(log);
  };
  for (;; await delay(LOOK_MS)) {
    const hasEnded = ended;
    const text = await Deno.readTextFile(log);
    const port = STARTED.exec(text)?.[1];
    if (port !== undefined && ready.test(text)) return { name, pid: child.pid, port: +port, stop };
    if (!hasEnded) continue;
    await stop();
    throw new Error(`${name} ended before it accepted calls: ${text.trim()}`);
  }
}

/** Starts a server, and stops it when it has been used. */
export async function withServer<T>(
  server: Server,
  use: (server: RunningServer) => Promise<T>,
): Promise<T> {
  const running = await startServer(server);
  try {
    return await use(running);
  } finally {
    await running.stop();
  }
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
