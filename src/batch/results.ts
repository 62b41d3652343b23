import { status } from "@grpc/grpc-js";
import { describeFailure, type FailureDescription, isServiceError } from "../client/diagnosis.ts";
import { errorDetails } from "../contract/error_details.ts";
import { escapeControls, excerpt, jsonString } from "../cli/escape.ts";
import type { Outcome } from "./scheduler.ts";
import type { Name } from "./names.ts";

/** A name that cannot be sent. The message says why. */
export class NameFault extends Error {
  override name = "NameFault";
}

/** Usernames are shown whole, unless they are longer than a server of ours accepts. */
const MAX_USERNAME = 256;

/**
 * Describes a failed call of a batch.
 *
 * @param timeoutMs the deadline that the call had, in milliseconds
 */
export function failureOf(error: unknown, timeoutMs: number): FailureDescription {
  if (error instanceof NameFault) {
    const { message: reason } = error;
    return { code: status.INVALID_ARGUMENT, name: "INVALID_ARGUMENT", reason, absent: false };
  }
  return describeFailure(error, timeoutMs);
}

/**
 * A message as one line of text. Its control characters, line breaks among them, are escaped: each
 * line of a batch is one message.
 */
export function messageLine(message: string): string {
  return `${escapeControls(message)}\n`;
}

/** A failed call as one line for stderr. */
export function failureLine(
  { username, fault }: Name,
  { name, reason }: FailureDescription,
  target: string,
): string {
  const who = excerpt(username, MAX_USERNAME);
  const from = fault === undefined ? ` from ${target}` : "";
  return `usersvc call: "${who}": ${name}${from}: ${escapeControls(reason)}\n`;
}

/** An outcome as one line of JSON. */
export function jsonLine(outcome: Outcome<Name>, timeoutMs: number): string {
  const { username } = outcome.name;
  const object = "message" in outcome
    ? { username, message: outcome.message }
    : { username, error: jsonError(outcome.error, timeoutMs) };
  return `${jsonString(object)}\n`;
}

function jsonError(error: unknown, timeoutMs: number): Record<string, unknown> {
  const { code, name, reason } = failureOf(error, timeoutMs);
  if (!isServiceError(error)) return { code: name, number: code, message: reason };
  const details = errorDetails(error);
  // A server that gave no reason is not given one here: "no reason given" is for people.
  const message = error.details === "" ? "" : reason;
  return { code: name, number: code, message, ...(details && { details }) };
}
