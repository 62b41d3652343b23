/** Runs an attack against a server and checks that the server is as well as before. */
import assert from "node:assert/strict";
import { finishCall, openSession, startCall } from "../raw_client.ts";
import { linuxTest, type Serve, withServe } from "../program.ts";
import { residentMb } from "../../tools/processes.ts";
import { type Mode, modes } from "./modes.ts";
import { within } from "./peer.ts";

/** How long a valid call may take after an attack, its connection included, in milliseconds. */
const ANSWER_MS = 1_000;

/** How much more memory the server may hold after an attack than before, in megabytes. */
const MEMORY_MB = 64;

/** How long the memory may take to come back, in milliseconds. */
const MEMORY_MS = 15_000;

/** Something that a peer does to a server. */
export type Attack = (server: Serve) => Promise<void>;

/** How an attack is tested. */
export interface AttackOptions {
  /** Flags of `serve` that the attack needs. */
  readonly args?: readonly string[];
  /** Limits of the server's resources, as arguments of bash's `ulimit`. */
  readonly limits?: readonly string[];
  /** What the server grows to its usual size with; by default the attack itself. */
  readonly warmUp?: Attack;
  /** Checks the server after the attack; by default {@linkcode answersOverTcp}. */
  readonly answers?: Attack;
  /** The modes in which it is tested; by default all. */
  readonly only?: readonly Mode[];
}

/**
 * Tests that a server survives an attack, in every mode: it lives, answers a valid call within a
 * second, gives the memory back, and has printed no stack trace.
 *
 * The attack runs at least twice. At first the processes grow to what serving such a load takes, which
 * they keep; the last time they may not grow on.
 */
export function survives(name: string, attack: Attack, options: AttackOptions = {}): void {
  for (const mode of options.only ?? modes) {
    linuxTest(`${name} (${mode.name})`, () => attackAgain(mode, attack, options));
  }
}

/** Connections go to workers in turn: it takes more rounds until each of them has had its share. */
function warmUps({ processes }: Mode): number {
  return processes === 1 ? 1 : 2 * processes;
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
      for (let round = 0; round < warmUps(mode); round++) await run(warmUp);
      const before = await residentMb(server.pid);
      await run(attack);
      await assertMemoryReturns(server, before, answers);
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

async function assertMemoryReturns(
  server: Serve,
  before: number,
  answers: Attack,
): Promise<void> {
  const deadline = Date.now() + MEMORY_MS;
  while (true) {
    const now = await residentMb(server.pid);
    if (now <= before + MEMORY_MB) return;
    const grown = `${Math.round(before)} MB before, ${Math.round(now)} MB after`;
    assert.ok(Date.now() < deadline, `the memory does not come back: ${grown}`);
    // V8 collects garbage when it allocates: an idle server would keep it.
    for (let calls = 0; calls < 20; calls++) await answers(server);
  }
}

/** Checks that nothing that was printed is an exception. */
export function assertNoStack(stderr: string): void {
  assert.doesNotMatch(stderr, /^\s+at .+:\d+:\d+|Uncaught|panicked/m);
}
