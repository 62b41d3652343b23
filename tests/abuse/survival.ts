/** Runs an attack against a server and checks that the server is as well as before. */
import assert from "node:assert/strict";
import { finishCall, openSession, startCall } from "../support/raw_client.ts";
import { linuxTest, type Serve, withServe } from "../support/program.ts";
import { residentMb } from "../../tools/processes.ts";
import { within } from "../support/waits.ts";

/** How long a valid call may take after an attack, its connection included, in milliseconds. */
const ANSWER_MS = 1_000;

/** How much more memory the server may hold after an attack than before, in megabytes. */
export const MEMORY_MB = 64;

/** How many attacks may each leave the server larger than the one before. */
const GROWING_ATTACKS = 5;

/**
 * How many calls an attack is followed by until its garbage has to be gone. V8 collects it when it
 * allocates: an idle server would keep it. Not more, since each is a connection, and Deno leaks for it.
 */
const CALLS_AFTER = 100;

/** A way in which the server runs, with the flags of `serve` for it. */
interface Mode {
  readonly name: string;
  readonly args: readonly string[];
}

/** Every attack is run against the server in each of these. */
export const modes: readonly Mode[] = [
  { name: "one process", args: [] },
  { name: "two workers", args: ["--workers", "2"] },
];

/** Something that a peer does to a server. */
type Attack = (server: Serve) => Promise<void>;

/** How an attack is tested. */
interface AttackOptions {
  /** Flags of `serve` that the attack needs. */
  readonly args?: readonly string[];
  /** Limits of the server's resources, as arguments of bash's `ulimit`. */
  readonly limits?: readonly string[];
  /** What the server grows to its usual size with; by default the attack itself. */
  readonly warmUp?: Attack;
  /** Checks the server after the attack; by default {@linkcode answersOverTcp}. */
  readonly answers?: Attack;
}

/**
 * Tests that a server survives an attack, in every mode: it lives, answers a valid call within a
 * second, gives the memory back, and has printed no stack trace.
 *
 * A server grows to what serving such a load takes, and keeps that: the attack is repeated until it
 * leaves the server no larger than it was. A leak grows every time, and so it fails.
 */
export function survives(name: string, attack: Attack, options: AttackOptions = {}): void {
  for (const mode of modes) {
    linuxTest(`${name} (${mode.name})`, () => attackAgain(mode, attack, options));
  }
}

async function attackAgain(
  mode: Mode,
  attack: Attack,
  { args = [], limits = [], warmUp = attack, answers = answersOverTcp }: AttackOptions,
): Promise<void> {
  await withServe(
    async (server) => {
      const run = async (step: Attack) => {
        await assertAlive(server, step(server));
        await assertAlive(server, answers(server));
      };
      await run(warmUp);
      const memory = [await residentMb(server.pid)];
      do {
        assert.ok(memory.length <= GROWING_ATTACKS, `memory grows: ${memory.map(Math.round)} MB`);
        await run(attack);
        memory.push(await memoryAfter(server, memory.at(-1)! + MEMORY_MB, answers));
      } while (memory.at(-1)! > memory.at(-2)! + MEMORY_MB);
      assertNoStack(server.stderr.text);
    },
    [...mode.args, ...args],
    limits,
  );
}

/** Fails at once, with what the server has printed, if it ends on the way. */
export async function assertAlive<T>(server: Serve, step: Promise<T>): Promise<T> {
  let over = false;
  const ended = server.ended().then(({ code, stderr }) => {
    if (!over) throw new Error(`the server ended with exit code ${code}: ${stderr}`);
  });
  try {
    await Promise.race([step, ended.then(() => step)]);
    return await step;
  } catch (error) {
    // A peer sees the end of its connection before anybody sees the end of the process.
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 200))]);
    throw error;
  } finally {
    over = true;
  }
}

/** Checks that a new connection and a call on it are answered within {@linkcode ANSWER_MS}. */
export async function answersOverTcp({ port }: { readonly port: number }): Promise<void> {
  await within(ANSWER_MS, "answer to a valid call", greet(port));
}

/** Opens a connection and makes a valid call on it. */
export async function greet(port: number): Promise<void> {
  const session = await openSession(port);
  try {
    const answer = await finishCall(startCall(session), "Alice");
    assert.deepEqual(answer, { status: "0", message: "Привет, Alice!" });
  } finally {
    session.destroy();
  }
}

/** The server's memory once it is as small as it should be, or does not become so; in megabytes. */
async function memoryAfter(server: Serve, enough: number, answers: Attack): Promise<number> {
  for (let calls = 0; calls < CALLS_AFTER; calls++) {
    const now = await residentMb(server.pid);
    if (now <= enough) return now;
    await answers(server);
  }
  return await residentMb(server.pid);
}

/** Checks that nothing that was printed is an exception. */
export function assertNoStack(stderr: string): void {
  assert.doesNotMatch(stderr, /^\s+at .+:\d+:\d+|Uncaught|panicked/m);
}
