/** Runs a client once: a command of the user's, as a process. */
import type { PeakMemory } from "./peak_memory.ts";

/** What a client is started with. */
export interface ClientOptions {
  /** The program and its arguments, in which `{address}` stands for the server's address. */
  readonly words: readonly string[];
  readonly address: string;
  /** The deadline of its call, in milliseconds. */
  readonly timeoutMs: number;
  /** Ends it. */
  readonly interrupt: AbortSignal;
  readonly memory: PeakMemory;
}

/** How a client ended. */
export interface ClientEnd {
  /** It had not ended a second after its deadline, and was killed. */
  readonly isHung: boolean;
  readonly exitCode: number;
  readonly signal: Deno.Signal | null;
  /** The end of what it printed, stdout before stderr. */
  readonly output: string;
  /** How long it ran, in milliseconds. */
  readonly ms: number;
  /** The most memory that it had, in bytes, where the system says it. */
  readonly peakBytes: number | undefined;
}

/** How long after its deadline a client may take to end, in milliseconds. */
const GRACE_MS = 1_000;

/** How long a client may take to start before its deadline counts, in milliseconds: a JVM takes long. */
const START_MS = 10_000;

/** How often its memory is asked for, in milliseconds. */
const SAMPLE_MS = 25;

/** How long a program that a client has left behind may keep its output open, in milliseconds. */
const OUTPUT_MS = 500;

/**
 * Runs a client to its end, or kills it. Then it kills what is left of the client's process group; what
 * has left that group (setsid) is not found.
 *
 * @param connected resolves when it has connected to the server: by then its deadline counts
 * @throws {Error} the system's, if the program cannot be started
 */
export async function runClient(
  { words, address, timeoutMs, interrupt, memory }: ClientOptions,
  connected: Promise<unknown>,
): Promise<ClientEnd> {
  const start = performance.now();
  const child = spawn(words, address, timeoutMs);
  const outputs = [tailOf(child.stdout), tailOf(child.stderr)];
  const peak = peakOf(child, memory);
  const kill = () => killGroup(child);
  interrupt.addEventListener("abort", kill);
  if (interrupt.aborted) kill();
  const limit = startLimit(timeoutMs + GRACE_MS, connected, kill);
  const { code, signal } = await child.status;
  const ms = performance.now() - start;
  const isHung = limit.end();
  interrupt.removeEventListener("abort", kill);
  // What it has started in its process group, and not waited for.
  kill();
  const timer = setTimeout(() => outputs.forEach((one) => one.cancel()), OUTPUT_MS);
  const texts = await Promise.all(outputs.map(({ text }) => text));
  clearTimeout(timer);
  return { isHung, exitCode: code, signal, output: texts.join(""), ms, peakBytes: await peak };
}

function spawn(
  words: readonly string[],
  address: string,
  timeoutMs: number,
): Deno.ChildProcess {
  const [program, ...args] = words.map((word) => word.replaceAll("{address}", address));
  return new Deno.Command(program!, {
    args,
    env: { USERSVC_ADDRESS: address, USERSVC_TIMEOUT: `${timeoutMs}ms` },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    // In a process group of its own, which can be killed as a whole.
    detached: true,
  }).spawn();
}

/** Kills a process, if it has not ended, and the others of its group. */
function killGroup(child: Deno.ChildProcess): void {
  try {
    if (Deno.build.os === "windows") child.kill("SIGKILL");
    else Deno.kill(-child.pid, "SIGKILL");
  } catch {
    // All have ended.
  }
}

/** @returns `end`, which says whether the time was over before */
function startLimit(ms: number, connected: Promise<unknown>, kill: () => void) {
  let isOver = false, hasEnded = false;
  const expire = () => {
    isOver = true;
    kill();
  };
  let timer = setTimeout(expire, START_MS + ms);
  void connected.then(() => {
    clearTimeout(timer);
    if (!hasEnded) timer = setTimeout(expire, ms);
  });
  return {
    end(): boolean {
      hasEnded = true;
      clearTimeout(timer);
      return isOver;
    },
  };
}

async function peakOf(child: Deno.ChildProcess, memory: PeakMemory): Promise<number | undefined> {
  let hasEnded = false;
  const ended = child.status.then(() => hasEnded = true);
  let peak: number | undefined;
  while (!hasEnded) {
    peak = await memory.of(child.pid) ?? peak;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, SAMPLE_MS);
    await Promise.race([promise, ended]);
    clearTimeout(timer);
  }
  return peak;
}

/** How many characters of an output are kept. */
const TAIL_LENGTH = 16_384;

interface Tail {
  /** The end of the stream, once it has ended. */
  readonly text: Promise<string>;
  /** Waits no longer for its end. */
  cancel(): void;
}

function tailOf(stream: ReadableStream<Uint8Array>): Tail {
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  async function read(): Promise<string> {
    let text = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return text;
      text = (text + decoder.decode(value, { stream: true })).slice(-TAIL_LENGTH);
    }
  }
  return { text: read(), cancel: () => void reader.cancel().catch(() => {}) };
}
