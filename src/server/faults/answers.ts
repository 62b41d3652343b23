import { safeParse } from "valibot";
import { ExpectedError, fileFault } from "../../text/errors.ts";
import { AnswersSchema, mistakeAt, mistakesIn, type ScriptedAnswer } from "./answers_schema.ts";
import type { Answer } from "../call/incoming_call.ts";
import { badRequest } from "../../contract/error_details.ts";
import { MAX_USERNAME } from "../../contract/username.ts";
import { drawDelay, type Plan, type Planner, type Random } from "./plan.ts";
import { repeatedNames } from "./repeated_names.ts";

/** A file of answers. */
export interface AnswersFile {
  readonly path: string;
  /** Whether workers answer from it: lists of answers, which are counted, need one lasting process. */
  readonly workers: boolean;
}

/** How many mistakes of a file are told: an error is one line. */
const MAX_MISTAKES = 20;

/** Stands in a file for all usernames that are not there. */
const ALL_OTHERS = "*";

/**
 * Reads a file of answers: JSON, an object from usernames to answers or to lists of them, of which the
 * first call of a username gets the first, the second the second, and all later ones the last.
 *
 * @param random chooses the delays of ranges
 * @throws {ExpectedError} if it cannot be read or anything in it is not as it has to be
 */
export async function readAnswers(file: AnswersFile, random: Random): Promise<Planner> {
  const { value, repeated } = await readJson(file.path);
  const parsed = safeParse(AnswersSchema, value);
  const mistakes = [
    ...repeated.map((path) => mistakeAt(path, "this name once")),
    ...parsed.success ? [] : mistakesIn(parsed.issues),
  ];
  if (!parsed.success || mistakes.length > 0) throw mistaken(file.path, mistakes);
  const entries = [...parsed.output];
  const lists = entries.filter(([, entry]) => Array.isArray(entry));
  if (file.workers && lists.length > 0) {
    const names = lists.map(([name]) => JSON.stringify(name));
    throw mistaken(file.path, [
      `${names.slice(0, MAX_MISTAKES).join(", ")}: a list of answers needs a server without ` +
      "workers, since each of them counts its own calls, and its successor begins again",
    ]);
  }
  const plans = new Map(
    entries.map(([name, entry]) => [name, [entry].flat().map((answer) => planner(answer, random))]),
  );
  const others = plans.get(ALL_OTHERS);
  const turns = openTurns();
  return ({ username }) => {
    const list = plans.get(username) ?? others;
    if (list === undefined) return undefined;
    const turn = list.length === 1 ? 0 : Math.min(turns.next(username), list.length - 1);
    return list[turn]!();
  };
}

/** How many names with lists are remembered, for `*` stands for any number of them. */
const MAX_NAMES = 10_000;

/** Counts the calls of each name. */
function openTurns(): { next(username: string): number } {
  const calls = new Map<string | undefined, number>();
  return {
    next(username) {
      // Names that are too long to be greeted may have megabytes: they count as one.
      const name = username.length > 2 * MAX_USERNAME ? undefined : username;
      const before = calls.get(name) ?? 0;
      // The name goes to the end of the map, and the one that was called longest ago is forgotten.
      calls.delete(name);
      calls.set(name, before + 1);
      if (calls.size > MAX_NAMES) calls.delete(calls.keys().next().value);
      return before;
    },
  };
}

async function readJson(path: string) {
  const bytes = await readRegularFile(path);
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ExpectedError(`${path} is not UTF-8; save it as UTF-8`);
  }
  try {
    return { value: JSON.parse(text) as unknown, repeated: repeatedNames(text) };
  } catch (error) {
    throw new ExpectedError(`${path} is not JSON: ${(error as Error).message}`);
  }
}

async function readRegularFile(path: string): Promise<Uint8Array> {
  try {
    const { isFile, isDirectory } = await Deno.stat(path);
    // Deno stands still until a named pipe has a writer, and no pipe can be read again at SIGHUP.
    if (!isFile && !isDirectory) throw new Error("it is not a regular file");
    return await Deno.readFile(path);
  } catch (error) {
    throw new ExpectedError(`cannot read ${path}: ${fileFault(error)}`);
  }
}

function mistaken(path: string, mistakes: readonly string[]): ExpectedError {
  const told = mistakes.slice(0, MAX_MISTAKES);
  const more = mistakes.length - told.length;
  return new ExpectedError(
    `${path}: ${told.join("; ")}${more > 0 ? `; and ${more} more mistakes` : ""}`,
  );
}

function planner({ delay, metadata, ...rest }: ScriptedAnswer, random: Random): () => Plan {
  const answer = answerOf(rest);
  if (answer === undefined && delay === undefined && metadata === undefined) return () => ({});
  const plan: Plan = {
    source: "answers",
    ...(answer && { answer }),
    ...(metadata && { metadata: Object.fromEntries(metadata) }),
  };
  return delay === undefined ? () => plan : () => ({ ...plan, delayMs: drawDelay(delay, random) });
}

/** Undefined where the usual answer is given: the greeting, or what is wrong with the username. */
function answerOf(
  { code = "OK", message, reason, details }: Omit<ScriptedAnswer, "delay" | "metadata">,
): Answer | undefined {
  if (code === "OK") return message === undefined ? undefined : { code, message };
  return {
    code,
    reason: reason ?? "failed on purpose (file of answers)",
    ...(details && { details: [badRequest(details.violations)] }),
  };
}
