import { safeParse } from "valibot";
import { ExpectedError, fileFault } from "../../text/errors.ts";
import { AnswersSchema, mistakeAt, mistakesIn, type ScriptedAnswer } from "./answers_schema.ts";
import type { Answer, IncomingCall } from "../call/incoming_call.ts";
import { PUSHBACK_TRAILER } from "../../contract/metadata_names.ts";
import { isTooLong, usernameFault } from "../../contract/username.ts";
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

/** Stands in a name for any text, an empty one too. */
const ANY = "*";

/**
 * Reads a file of answers: JSON, an object from usernames, or patterns of them, to answers or lists of them.
 * A list is one of rules, where they say `when` they apply: the first that does answers. In any other list
 * the first call of a username gets the first answer, the second the second, and all later ones the last.
 *
 * Of a username its own entry decides, or else that of the longest pattern. Where all of its rules ask for
 * something else, the next one decides. Patterns greet nobody who is not greeted without them, and of
 * usernames that are too long, of which a call keeps the start alone, `*` is the only one that decides.
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
  const unplayable = await unplayableIn(entries);
  if (unplayable.length > 0) throw mistaken(file.path, unplayable);
  const lists = entries.filter(([, entry]) => isByTurns(entry));
  if (file.workers && lists.length > 0) {
    const names = lists.map(([name]) => JSON.stringify(name));
    throw mistaken(file.path, [
      `${names.slice(0, MAX_MISTAKES).join(", ")}: a list of answers needs a server without ` +
      "workers, since each of them counts its own calls, and its successor begins again",
    ]);
  }
  const turns = openTurns();
  return firstByName(entries.map(([name, entry]) => [name, entryPlanner(entry, random, turns)]));
}

/** What a username of a file is answered. */
type Entry = ScriptedAnswer | readonly ScriptedAnswer[];

/** The cases of the gauntlet that no call can be answered with, each as a mistake. */
async function unplayableIn(entries: readonly (readonly [string, Entry])[]): Promise<string[]> {
  const cases = entries.flatMap(([name, entry]) =>
    entry instanceof Array
      ? entry.map(({ wire }, index) => ({ wire, path: [name, index, "wire"] }))
      : [{ wire: entry.wire, path: [name, "wire"] }]
  );
  const mistakes: string[] = [];
  for (const { wire, path } of cases) {
    if (wire === undefined) continue;
    const { playable } = await import("./wire.ts");
    const found = playable(wire);
    if ("expected" in found) mistakes.push(mistakeAt(path, found.expected));
  }
  return mistakes;
}

/** Whether the answers of a list come one after another. */
function isByTurns(entry: Entry): entry is readonly ScriptedAnswer[] {
  return entry instanceof Array && entry.every(({ when }) => when === undefined);
}

function entryPlanner(entry: Entry, random: Random, turns: Turns): Planner {
  const answers = [entry].flat();
  const plans = answers.map((answer) => planner(answer, random));
  if (isByTurns(entry) && plans.length > 1) {
    return ({ username }) => plans[Math.min(turns.next(username), plans.length - 1)]!();
  }
  return (call) => plans[answers.findIndex(({ when }) => applies(when, call))]?.();
}

/** Whether a call has all the metadata that a rule asks for; without any it always applies. */
function applies(when: ScriptedAnswer["when"], call: IncomingCall): boolean {
  return when?.metadata.every(([name, value]) => {
    const values = call.metadata(name);
    if (name.endsWith("-bin")) return values.map(unpadded).includes(unpadded(value));
    return values.includes(value);
  }) ?? true;
}

function unpadded(base64: string): string {
  return base64.replace(/=+$/, "");
}

/** Decides by the entry of a username, or else by the patterns that it fits, the longest first. */
function firstByName(entries: readonly (readonly [name: string, plan: Planner])[]): Planner {
  const names = new Map(entries.filter(([name]) => !name.includes(ANY)));
  const patterns = entries.filter(([name]) => name.includes(ANY))
    .sort(([one], [other]) => other.length - one.length)
    .map(([name, plan]) => ({ fits: pattern(name), plan }));
  return (call) => {
    const own = names.get(call.username)?.(call);
    if (own !== undefined) return own;
    for (const { fits, plan } of patterns) {
      const made = fits(call.username) ? plan(call) : undefined;
      if (made === undefined) continue;
      return usernameFault(call.username) === undefined ? made : withoutMessage(made);
    }
    return undefined;
  };
}

/** The plan without a message in place of the greeting. */
function withoutMessage(plan: Plan): Plan {
  const { answer, ...others } = plan;
  return answer?.code === "OK" ? others : plan;
}

function pattern(name: string): (username: string) => boolean {
  if (name === ANY) return () => true;
  const [start = "", end = ""] = name.split(ANY);
  return (username) =>
    username.length >= start.length + end.length && username.startsWith(start) &&
    username.endsWith(end) && !isTooLong(username);
}

/** How many names with lists are remembered, for `*` stands for any number of them. */
const MAX_NAMES = 10_000;

/** Counts the calls of each name. */
interface Turns {
  /** How many calls of a name have come before this one. */
  next(username: string): number;
}

function openTurns(): Turns {
  const calls = new Map<string | undefined, number>();
  return {
    next(username) {
      // Of names that are too long the end is not known: they count as one.
      const name = isTooLong(username) ? undefined : username;
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

function planner(scripted: ScriptedAnswer, random: Random): () => Plan {
  const { delay, metadata, wire } = scripted;
  const answer = answerOf(scripted);
  const trailers = trailersOf(scripted);
  const parts = {
    ...(answer && { answer }),
    ...(metadata && { metadata }),
    ...(trailers && { trailers }),
    ...(wire !== undefined && { wire }),
  };
  if (delay === undefined && Object.keys(parts).length === 0) return () => ({});
  const plan: Plan = { source: "answers", ...parts };
  return delay === undefined ? () => plan : () => ({ ...plan, delayMs: drawDelay(delay, random) });
}

/** Undefined where the usual answer is given: the greeting, or what is wrong with the username. */
function answerOf(
  { code = "OK", message, reason, details }: ScriptedAnswer,
): Answer | undefined {
  if (code === "OK") return message === undefined ? undefined : { code, message };
  return {
    code,
    reason: reason ?? "failed on purpose (file of answers)",
    ...(details && { details }),
  };
}

function trailersOf({ trailers, pushback }: ScriptedAnswer): Plan["trailers"] {
  return pushback === undefined ? trailers : { ...trailers, [PUSHBACK_TRAILER]: [`${pushback}`] };
}
