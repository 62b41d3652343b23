/** Runs the program against odd servers, and measures what it takes. */
import assert from "node:assert/strict";
import { STATUS_NAMES } from "../../src/contract/status_codes.ts";
import { spawnUsersvc } from "../support/program.ts";
import type { Expected } from "./answers.ts";

/** The deadline of each call, in milliseconds. */
export const TIMEOUT_MS = 1_000;

/** What a run may take beside its deadline: to start, on a machine that has other things to do. */
const SLACK_MS = 3_000;

/** What no run may pass, in megabytes. */
const MAX_MB = 300;

/** How a run of the program ended. */
export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs the program to its end, checks its time and its memory, and prints both: they are the table of
 * this suite.
 *
 * @param what it does, for that line
 * @param input its stdin
 * @param maxMs how long the calls may take, in milliseconds
 */
export async function run(
  what: string,
  args: readonly string[],
  { input = "", maxMs = TIMEOUT_MS }: { readonly input?: string; readonly maxMs?: number } = {},
): Promise<Run> {
  const start = performance.now();
  const child = spawnUsersvc(args, { stdin: "piped" });
  const peak = memoryPeak(child.pid);
  // One that does not end has failed, and may not take the machine with it.
  const timer = setTimeout(() => child.kill("SIGKILL"), maxMs + SLACK_MS);
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
  assert.ok(ms < maxMs + SLACK_MS, `${line}: ${result.stderr}`);
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

/** The largest resident memory of a process until its end, in megabytes. */
async function memoryPeak(pid: number): Promise<number> {
  let peak = 0;
  for (;;) {
    const status = await Deno.readTextFile(`/proc/${pid}/status`).catch(() => "");
    const kb = /^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1];
    // A process that has ended, or is about to, has no memory.
    if (kb === undefined) return peak / 1024;
    peak = Math.max(peak, Number(kb));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
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
  { args = [], maxMs }: { readonly args?: readonly string[]; readonly maxMs?: number } = {},
): Promise<Map<string, Outcome>> {
  const { stdout, stderr } = await run(
    `${what}, ${names.length} calls`,
    ["call", "-", "--json", ...address(port), ...args],
    { input: names.map((name) => `${name}\n`).join(""), ...(maxMs && { maxMs }) },
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

/** The flags for a server of this machine. */
export function address(port: number): string[] {
  return ["--address", `127.0.0.1:${port}`, "--timeout", `${TIMEOUT_MS}ms`];
}

/** What is not as expected, a line each. */
export function differences(
  table: Readonly<Record<string, Expected>>,
  outcomes: ReadonlyMap<string, Outcome>,
): string[] {
  return Object.entries(table).flatMap(([name, expected]) => {
    const { code, message = "" } = outcomes.get(name) ?? { code: "no outcome" };
    const { says = "" } = expected;
    const isExpected = [expected.code, expected.or].includes(code as Expected["code"]) &&
      (typeof says === "string" ? says === "" || says === message : says.test(message));
    return isExpected ? [] : [`${name}: ${code} ${message}, not ${expected.code} ${says}`];
  });
}
