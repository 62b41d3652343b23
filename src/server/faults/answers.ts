import { status } from "@grpc/grpc-js";
import { safeParse } from "valibot";
import { fileFault } from "../../workarounds/file_errors.ts";
import { AnswersError } from "./answers_error.ts";
import { AnswersSchema, mistakesIn, type ScriptedAnswer } from "./answers_schema.ts";
import { drawDelay } from "./delay.ts";
import type { Answer } from "../incoming_call.ts";
import type { AnswersFile, Plan, Planner } from "./plan.ts";

/** How many mistakes of a file are told: an error is one line. */
const MAX_MISTAKES = 20;

/** Stands in a file for all usernames that are not there. */
const ALL_OTHERS = "*";

/**
 * Reads a file of answers: JSON, an object from usernames to answers or to lists of them, of which the
 * first call gets the first, the second the second, and all later ones the last.
 *
 * @throws {AnswersError} if it cannot be read or anything in it is not as it has to be
 */
export async function readAnswers(file: AnswersFile): Promise<Planner> {
  const parsed = safeParse(AnswersSchema, await readJson(file.path));
  if (!parsed.success) throw mistaken(file.path, mistakesIn(parsed.issues));
  const entries = [...parsed.output];
  const lists = entries.filter(([, entry]) => Array.isArray(entry));
  if (file.processes > 1 && lists.length > 0) {
    const names = lists.map(([name]) => JSON.stringify(name));
    throw mistaken(file.path, [
      `${
        names.slice(0, MAX_MISTAKES).join(", ")
      }: a list of answers needs a server of one process, ` +
      `since each process counts its own calls; this one has ${file.processes} workers`,
    ]);
  }
  const plans = new Map(entries.map(([name, entry]) => [name, inTurn([entry].flat())]));
  const others = plans.get(ALL_OTHERS);
  return ({ username }) => (plans.get(username) ?? others)?.();
}

async function readJson(path: string): Promise<unknown> {
  const bytes = await readRegularFile(path);
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new AnswersError(`${path} is not UTF-8; save it as UTF-8`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new AnswersError(`${path} is not JSON: ${(error as Error).message}`);
  }
}

async function readRegularFile(path: string): Promise<Uint8Array> {
  try {
    const { isFile, isDirectory } = await Deno.stat(path);
    // Deno stands still until a named pipe has a writer, and no pipe can be read again at SIGHUP.
    if (!isFile && !isDirectory) throw new Error("it is not a regular file");
    return await Deno.readFile(path);
  } catch (error) {
    throw new AnswersError(`cannot read ${path}: ${fileFault(error)}`);
  }
}

function mistaken(path: string, mistakes: readonly string[]): AnswersError {
  const told = mistakes.slice(0, MAX_MISTAKES);
  const more = mistakes.length - told.length;
  return new AnswersError(
    `${path}: ${told.join("; ")}${more > 0 ? `; and ${more} more mistakes` : ""}`,
  );
}

/** Gives each of these answers once, in their order, and the last one ever after. */
function inTurn(answers: readonly ScriptedAnswer[]): () => Plan {
  const plans = answers.map(planner);
  let calls = 0;
  return () => plans[Math.min(calls++, plans.length - 1)]!();
}

function planner({ delay, metadata, ...rest }: ScriptedAnswer): () => Plan {
  const answer = answerOf(rest);
  const sent = metadata && Object.fromEntries(
    [...metadata].map(([name, value]) => [name, [value]]),
  );
  const isUsual = answer === undefined && delay === undefined && sent === undefined;
  return () => ({
    ...(isUsual ? {} : {
      fault: {
        source: "answers",
        ...(delay && { delayMs: drawDelay(delay) }),
        ...(answer && { code: answer.code }),
      },
    }),
    ...(answer && { answer }),
    ...(sent && { metadata: sent }),
  });
}

/** Undefined where the usual answer is given: the greeting, or what is wrong with the username. */
function answerOf(
  { code = "OK", message, reason, details }: Omit<ScriptedAnswer, "delay" | "metadata">,
): Answer | undefined {
  if (code === "OK") return message === undefined ? undefined : { code: status.OK, message };
  return {
    code: status[code],
    reason: reason ?? "failed on purpose (file of answers)",
    ...(details && { violations: details.violations }),
  };
}
