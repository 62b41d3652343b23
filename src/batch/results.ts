import { status } from "@grpc/grpc-js";
import { escapeControls, excerpt, jsonString } from "../text/escape.ts";
import { say, writeAll } from "../cli/output.ts";
import { formatDuration } from "../text/amounts.ts";
import { describeFailure, type FailureDescription, isServiceError } from "../client/failure.ts";
import { errorDetails } from "../contract/error_details.ts";
import { MAX_USERNAME } from "../contract/username.ts";
import type { CallResult } from "./scheduler.ts";
import type { Name } from "./names.ts";

/** A name that cannot be sent. The message says why. */
export class NameFault extends Error {
  override name = "NameFault";
}

/** Prints results; false if the reader of stdout has gone. */
export type ResultPrinter = (results: readonly CallResult[]) => Promise<boolean>;

/** How results are printed. */
export interface ResultOptions {
  /** Whether stdout takes a JSON object for each, or messages with the failures on stderr. */
  readonly json: boolean;
  /** Whether these objects also have what came with the answer. */
  readonly contexts: boolean;
  /** The deadline that the calls had, in milliseconds. */
  readonly timeoutMs: number;
  /** The name of the server. */
  readonly target: string;
}

/** Makes the function that prints the results of a batch. */
export function resultPrinter(options: ResultOptions): ResultPrinter {
  const { json, timeoutMs, target } = options;
  return json
    ? (results) =>
      writeAll(Deno.stdout, results.map((result) => jsonLine(result, options)).join(""))
    : (results) => printText(results, timeoutMs, target);
}

/**
 * Describes a failed call of a batch.
 *
 * @param timeoutMs the deadline that the call had, in milliseconds
 */
export function describeResultError(error: unknown, timeoutMs: number): FailureDescription {
  if (error instanceof NameFault) {
    const { message: reason } = error;
    return { code: status.INVALID_ARGUMENT, name: "INVALID_ARGUMENT", reason, absent: false };
  }
  return describeFailure(error, formatDuration(timeoutMs));
}

/** Messages go to stdout and failures to stderr, in their order even where both are one file. */
async function printText(
  results: readonly CallResult[],
  timeoutMs: number,
  target: string,
): Promise<boolean> {
  let messages = "", failures = "", wanted = true;
  const flush = async () => {
    if (messages !== "") wanted = await writeAll(Deno.stdout, messages) && wanted;
    if (failures !== "") await say(failures);
    messages = failures = "";
  };
  for (const result of results) {
    if ("message" in result) {
      if (failures !== "") await flush();
      messages += messageLine(result.message);
    } else {
      failures += failureLine(result.name, describeResultError(result.error, timeoutMs), target);
    }
  }
  await flush();
  return wanted;
}

/** Control characters, line breaks among them, are escaped: each line of a batch is one message. */
function messageLine(message: string): string {
  return `${escapeControls(message)}\n`;
}

function failureLine(
  { username, fault }: Name,
  { name, reason }: FailureDescription,
  target: string,
): string {
  const who = excerpt(username, MAX_USERNAME);
  const from = fault === undefined ? ` from ${target}` : "";
  return `usersvc call: "${who}": ${name}${from}: ${escapeControls(reason)}\n`;
}

function jsonLine(result: CallResult, { contexts, timeoutMs }: ResultOptions): string {
  const { username } = result.name;
  const object = "message" in result
    ? { username, message: result.message }
    : { username, error: jsonError(result.error, timeoutMs) };
  return `${jsonString(contexts ? { ...object, ...jsonContext(result) } : object)}\n`;
}

function jsonContext({ context, latencyMs }: CallResult): Record<string, unknown> {
  const { metadata = {}, trailers = {}, peer = null } = context ?? {};
  return { metadata, trailers, peer, timeMs: Math.round(latencyMs * 1_000) / 1_000 };
}

function jsonError(error: unknown, timeoutMs: number): Record<string, unknown> {
  const { code, name, reason } = describeResultError(error, timeoutMs);
  if (!isServiceError(error)) return { code: name, number: code, message: reason };
  const details = errorDetails(error);
  // Programs get an empty message where the server gave none; "no reason given" is for people.
  const message = error.details === "" ? "" : reason;
  return { code: name, number: code, message, ...(details && { details }) };
}
