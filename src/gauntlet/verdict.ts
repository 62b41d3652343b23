/** Judges how a client ended a case. */
import {
  exitCodeOfStatus,
  LAST_STATUS,
  STATUS_NAMES,
  type StatusName,
} from "../contract/status_codes.ts";
import { type Case, wantedOf } from "./case.ts";
import type { Seen } from "./case_server.ts";
import type { ClientEnd } from "./client.ts";

/** What is said of a client. All but `passed` are failures, the worst first. */
export const VERDICTS = [
  "hung",
  "crashed",
  "took a broken answer for good",
  "called again",
  "gave up",
  "wrong code",
  "passed",
] as const;

/** What is said of a client. */
export type Verdict = typeof VERDICTS[number];

/** What the exit code of a client says: the status code, as 64 + its number, or whether it failed. */
export type ExitCodes = "grpc" | "any";

/** A verdict, and what is behind it. */
export interface Judgement {
  readonly verdict: Verdict;
  /** How the client ended, in words. */
  readonly ended: string;
}

/**
 * What the last lines of a program look like that ends by a fault: Go, Rust, Python, Java, JavaScript
 * on Node and Deno, Ruby, C++, .NET.
 */
const TRACES = [
  /^panic: |^goroutine \d+ \[/m,
  /^thread '.*' panicked at /m,
  /^Traceback \(most recent call last\):/m,
  /^Exception in thread "|^\s+at [\w$.]+\([\w]+\.java:\d+\)/m,
  /^\s+at .*:\d+:\d+\)?$|^(?:error: )?Uncaught /m,
  /^[^\s:]+\.rb:\d+:in /m,
  /^terminate called |^\s*what\(\): |core dumped|^Segmentation fault/m,
  /^Unhandled exception\. /m,
];

/**
 * Judges how a client ended a case.
 *
 * @param exitCodes what its exit code says
 */
export function judge(one: Case, end: ClientEnd, seen: Seen, exitCodes: ExitCodes): Judgement {
  const ended = wordsOf(end, exitCodes);
  return { verdict: verdictOf(one, end, seen, exitCodes), ended };
}

function verdictOf(one: Case, end: ClientEnd, seen: Seen, exitCodes: ExitCodes): Verdict {
  if (end.isHung) return "hung";
  if (end.signal !== null || showsTrace(end)) return "crashed";
  const wanted = wantedOf(one);
  if (end.exitCode === 0 && wanted === "failure") return "took a broken answer for good";
  if (one.isCommitted && seen.tries > 1) return "called again";
  // A client that does not even connect ends so whatever the server does.
  if (seen.connections === 0) return "gave up";
  if (end.exitCode !== 0 && wanted === "success") return "gave up";
  if (exitCodes === "any" || end.exitCode === 0) return "passed";
  if (one.mayEnd.includes("FAILURE")) return "passed";
  const code = statusOfExitCode(end.exitCode);
  return code !== undefined && one.mayEnd.includes(code) ? "passed" : "wrong code";
}

/** A trace that a client logs before it ends by itself is none of its end. */
function showsTrace({ exitCode, output }: ClientEnd): boolean {
  return statusOfExitCode(exitCode) === undefined && TRACES.some((trace) => trace.test(output));
}

/** The status code that an exit code stands for; undefined if it stands for none. */
export function statusOfExitCode(exitCode: number): StatusName | undefined {
  if (exitCode === 0) return "OK";
  const status = exitCode - exitCodeOfStatus(LAST_STATUS) + LAST_STATUS;
  return status > 0 ? STATUS_NAMES[status] : undefined;
}

function wordsOf({ isHung, signal, exitCode }: ClientEnd, exitCodes: ExitCodes): string {
  if (isHung) return "it had not ended a second after its deadline";
  if (signal !== null) return `it was ended by ${signal}`;
  const code = exitCodes === "grpc" ? statusOfExitCode(exitCode) : undefined;
  return `exit code ${exitCode}${code === undefined ? "" : `, ${code}`}`;
}
