/** Runs the program against odd servers, and measures what it takes. */
import assert from "node:assert/strict";
import { STATUS_NAMES } from "../../src/contract/status_codes.ts";
import type { Case } from "../../src/gauntlet/case.ts";
import { peakMb } from "../../tools/processes.ts";
import { type Result, spawnUsersvc } from "../support/program.ts";
import { pause } from "../support/waits.ts";
import { ourCode, ourMessage } from "./ours.ts";

/** The deadline of a call that gets no answer, in milliseconds. */
export const TIMEOUT_MS = 1_000;

/** The deadline of all other calls, which a slow machine does not reach. */
const AMPLE_MS = 5_000;

/** What no run may take where nothing else is said, in milliseconds: ten times what they take. */
const MAX_MS = 60_000;

/** What no run may pass, in megabytes. */
const MAX_MB = 300;

/**
 * Runs the program to its end, checks its time and its memory, and prints both: they are the table of
 * this suite.
 *
 * @param what it does, for that line
 * @param input its stdin
 * @param maxMs what it may take, in milliseconds
 */
export async function run(
  what: string,
  args: readonly string[],
  input = "",
  maxMs = MAX_MS,
): Promise<Result> {
  const start = performance.now();
  const child = spawnUsersvc(args, { stdin: "piped" });
  const peak = memoryPeak(child);
  const timer = setTimeout(() => child.kill("SIGKILL"), maxMs);
  const fed = feed(child.stdin, input);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(timer);
  await fed;
  const ms = performance.now() - start;
  const mb = await peak;
  const line = `${what}: exit code ${code}, ${Math.round(ms)} ms, ${Math.round(mb)} MB`;
  console.log(line);
  const decoder = new TextDecoder();
  const result = { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  assert.ok(ms < maxMs, `${line}: ${result.stderr}`);
  assert.ok(mb < MAX_MB, line);
  assert.doesNotMatch(result.stderr, /^\s+at |Uncaught/m);
  return result;
}

async function feed(stdin: WritableStream<Uint8Array>, input: string): Promise<void> {
  const writer = stdin.getWriter();
  try {
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
  } catch {
    // It has ended without reading all of it, and its exit code and stderr say why.
  }
}

/** The largest resident memory of a process until its end, in megabytes; too large a one is ended. */
async function memoryPeak(child: Deno.ChildProcess): Promise<number> {
  let peak = 0;
  // A process that has ended, or is about to, has no memory.
  for (let now; (now = await peakMb(child.pid)) > 0; await pause(10)) {
    peak = Math.max(peak, now);
    // It may not take the machine with it.
    if (peak > MAX_MB) child.kill("SIGKILL");
  }
  return peak;
}

/** How a call of a batch ended. */
export interface Outcome {
  readonly code: string;
  readonly message: string | undefined;
}

/** Calls each name, in JSON, and returns how each call ended. */
export async function batch(
  what: string,
  port: number,
  names: readonly string[],
  args: readonly string[] = [],
): Promise<Map<string, Outcome>> {
  const { stdout, stderr } = await run(
    `${what}, ${names.length} calls`,
    ["call", "-", "--json", ...address(port), ...args],
    names.map((name) => `${name}\n`).join(""),
  );
  assert.equal(stderr, "");
  return new Map(
    stdout.trimEnd().split("\n").map((line) => {
      const { username, error } = JSON.parse(line);
      if (error === undefined) return [username, { code: "OK", message: undefined }];
      assert.equal(error.number, STATUS_NAMES.indexOf(error.code), line);
      return [username, { code: error.code, message: error.message }];
    }),
  );
}

/** The flags for a server of this machine; calls that get no answer need {@linkcode TIMEOUT_MS}. */
export function address(port: number, timeoutMs = AMPLE_MS): string[] {
  return ["--address", `127.0.0.1:${port}`, "--timeout", `${timeoutMs}ms`];
}

/** What is not as usersvc promises, a line each. */
export function differences(
  cases: readonly Case[],
  outcomes: ReadonlyMap<string, Outcome>,
): string[] {
  return cases.flatMap((one) => {
    const { code, message = "" } = outcomes.get(one.name) ?? { code: "no outcome" };
    const says = code === "OK" ? undefined : ourMessage(one);
    return code === ourCode(one) && (says === undefined || says === message)
      ? []
      : [`${one.name}: ${code} ${message}, not ${ourCode(one)} ${says}`];
  });
}
