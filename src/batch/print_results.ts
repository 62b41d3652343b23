import { say, writeAll } from "../cli/output.ts";
import type { Entries } from "../client/answer_context.ts";
import { failureLine } from "../client/failure.ts";
import type { ErrorDetail } from "../contract/error_details.ts";
import { MAX_USERNAME } from "../contract/username.ts";
import { escapeControls, excerpt, jsonString } from "../text/escape.ts";
import type { CallResult, Failure } from "./result.ts";

/** Prints results; false if the reader of stdout has gone. */
type PrintResults = (results: readonly CallResult[]) => Promise<boolean>;

/** How results are printed. */
interface PrintOptions {
  /** Whether stdout takes a JSON object for each, or messages with the failures on stderr. */
  readonly json: boolean;
  /** Whether these objects also have what came with the answer. */
  readonly contexts: boolean;
  /** The name of the server. */
  readonly target: string;
}

/** A result as a JSON object. */
interface JsonResult {
  readonly username: string;
  /** There is either a message or an error. */
  readonly message?: string;
  readonly error?: JsonError;
  /** The initial metadata; this and all that follows only where it was asked for. */
  readonly metadata?: Entries;
  readonly trailers?: Entries;
  /** The server's address; null if there was no connection. */
  readonly peer?: string | null;
  /** How long the call took. */
  readonly timeMs?: number;
}

/** A failed call in a {@linkcode JsonResult}. */
interface JsonError {
  /** The name of the status code: `UNAVAILABLE`. */
  readonly code: string;
  /** The status code: 14. */
  readonly number: number;
  readonly message: string;
  readonly details?: readonly ErrorDetail[];
}

/** Makes the function that prints the results of a batch. */
export function resultPrinter({ json, contexts, target }: PrintOptions): PrintResults {
  if (!json) return (results) => printText(results, target);
  return (results) => {
    const lines = results.map((result) => `${jsonString(jsonResult(result, contexts))}\n`);
    return writeAll(Deno.stdout, lines.join(""));
  };
}

/** Messages go to stdout and failures to stderr, in their order even where both are one file. */
async function printText(results: readonly CallResult[], target: string): Promise<boolean> {
  let messages = "", failures = "", wanted = true;
  const flush = async () => {
    if (messages !== "") wanted = await writeAll(Deno.stdout, messages) && wanted;
    if (failures !== "") await say(failures);
    messages = failures = "";
  };
  for (const result of results) {
    if ("message" in result) {
      if (failures !== "") await flush();
      // Line breaks are escaped too: each line is one message.
      messages += `${escapeControls(result.message)}\n`;
    } else {
      const who = excerpt(result.username, MAX_USERNAME);
      failures += `usersvc call: "${who}": ${failureLine(result.failure, target)}\n`;
    }
  }
  await flush();
  return wanted;
}

function jsonResult(result: CallResult, contexts: boolean): JsonResult {
  const { username, context, latencyMs } = result;
  const object = "message" in result
    ? { username, message: result.message }
    : { username, error: jsonError(result.failure) };
  if (!contexts) return object;
  const { metadata = {}, trailers = {}, peer = null } = context ?? {};
  return { ...object, metadata, trailers, peer, timeMs: Math.round(latencyMs * 1_000) / 1_000 };
}

function jsonError({ code, name, message, details }: Failure): JsonError {
  return { code: name, number: code, message, ...(details && { details }) };
}
