import type { StatusName } from "../../contract/status_codes.ts";
import type { AnswersFile } from "./answers.ts";
import { type Delay, drawDelay, type Planner, type Random } from "./plan.ts";

/** A failure on purpose, for those who test clients. */
export interface Failure {
  /** The name of the status code to answer with: `UNAVAILABLE`. */
  readonly code: Exclude<StatusName, "OK">;
  /** The share of the calls that fail, above 0 and up to 1. */
  readonly rate: number;
  /** What the caller is told, and the log. */
  readonly reason: string;
}

/** How a server misbehaves on purpose. */
export interface Faults {
  /** Whether a call may ask for what is to be done to it, by its metadata. */
  readonly byMetadata?: boolean;
  /** Answers by usernames, in a file. */
  readonly answers?: AnswersFile;
  /** How long each call waits before its answer; absent: not at all. */
  readonly delay?: Delay;
  /** Which calls fail, their rates together at most 1; absent: none. */
  readonly fail?: readonly Failure[];
  /** Shares and ranges fall the same way each time with the same seed; absent: at random. */
  readonly seed?: number;
}

/** What decides what is done to a call on purpose. */
interface OpenFaults {
  /** Absent where nothing is asked for. */
  readonly plan: Planner | undefined;
  /**
   * Reads the file of answers again. Without one it does nothing.
   *
   * @throws {ExpectedError} if it cannot be used; the old answers stay
   */
  reloadAnswers(): Promise<void>;
}

/**
 * Prepares what is to be done on purpose. What is not asked for is not loaded.
 *
 * @param instance the name of this server, for calls that ask for a fault of one server among several
 * @throws {ExpectedError} if the file of answers cannot be used
 */
export async function openFaults(
  { byMetadata, answers, delay, fail, seed }: Faults,
  instance: string | undefined,
): Promise<OpenFaults> {
  // One for all: what is drawn then depends on nothing but the order in which calls come.
  const random = seed === undefined ? Math.random : await seeded(seed);
  const planners: Planner[] = [];
  const asked = byMetadata ? await import("./fault_metadata.ts") : undefined;
  if (asked) planners.push(asked.metadataPlanner(instance, random));
  const file = answers && await openAnswers(answers, random);
  if (file) planners.push(file.plan);
  if (delay !== undefined || fail !== undefined) {
    planners.push(planForAll(delay, fail ?? [], random));
  }
  const plan = planners.length === 0 ? undefined : firstOf(planners);
  return {
    plan: plan && asked ? asked.withEcho(plan) : plan,
    reloadAnswers: async () => await file?.reload(),
  };
}

/** The first planner that has something to say of a call decides alone. */
function firstOf(planners: readonly Planner[]): Planner {
  return (call) => {
    for (const plan of planners) {
      const made = plan(call);
      if (made !== undefined) return made;
    }
    return undefined;
  };
}

async function seeded(seed: number): Promise<Random> {
  const { seededRandom } = await import("./seeded.ts");
  return seededRandom(seed);
}

async function openAnswers(file: AnswersFile, random: Random) {
  const { readAnswers } = await import("./answers.ts");
  let plan = await readAnswers(file, random);
  return {
    plan: ((call) => plan(call)) as Planner,
    reload: async () => void (plan = await readAnswers(file, random)),
  };
}

/** Delays each call, and fails a share of them. */
function planForAll(
  delay: Delay | undefined,
  failures: readonly Failure[],
  random: Random,
): Planner {
  return () => {
    const failure = drawFailure(failures, random);
    if (delay === undefined && failure === undefined) return undefined;
    return {
      source: "flags",
      ...(delay && { delayMs: drawDelay(delay, random) }),
      ...(failure && { answer: { code: failure.code, reason: failure.reason } }),
    };
  };
}

function drawFailure(failures: readonly Failure[], random: Random): Failure | undefined {
  let left = failures.length === 0 ? 0 : random();
  return failures.find(({ rate }) => (left -= rate) < 0);
}
