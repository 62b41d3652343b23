/** Servers whose log is looked at, or not read at all. */
import assert from "node:assert/strict";
import type { Session } from "../../src/http2/session.ts";
import { spawnUsersvc, STARTED, Transcript } from "./program.ts";
import { finishCall, startCall } from "./raw_client.ts";

/** A line of 300 characters, so that a thousand calls fill any pipe. */
export const LONG_NAME = "x".repeat(250);

/** Makes calls on one connection, a hundred at a time; each must be greeted. */
export async function makeCalls(
  session: Session,
  count: number,
  name: (index: number) => string,
): Promise<void> {
  for (let start = 0; start < count; start += 100) {
    const batch = Array.from({ length: Math.min(100, count - start) }, (_, index) => start + index);
    const answers = await Promise.all(
      batch.map((index) => finishCall(startCall(session), name(index))),
    );
    const greeted = batch.map((index) => ({ status: "0", message: `Привет, ${name(index)}!` }));
    assert.deepEqual(answers, greeted);
  }
}

/** The records that a server with `--log json` has written. */
export function records(stdout: string): LogRecord[] {
  assert.match(stdout, /\n$/);
  return stdout.slice(0, -1).split("\n").map((line) => JSON.parse(line));
}

/** Those of calls. */
export function calls(stdout: string): LogRecord[] {
  return records(stdout).filter(({ event }) => event === "call");
}

/** Starts a server, reads its start line and then nothing more of stdout. */
export async function serveUnread(args: readonly string[]) {
  const child = spawnUsersvc(["serve", "--port", "0", ...args]);
  const stderr = new Transcript(child.stderr);
  const reader = child.stdout.getReader();
  let start = "";
  while (!STARTED.test(start)) {
    const { value, done } = await reader.read();
    assert.ok(!done, "ended before its start line");
    start += new TextDecoder().decode(value);
  }
  reader.releaseLock();
  const [, text, json] = STARTED.exec(start)!;
  return { child, stderr, port: Number(text ?? json) };
}

/** What a server has said on stderr, up to the two lines that tell of its drain. */
export async function beforeDrain(stderr: Transcript): Promise<string> {
  return (await stderr.all())
    .replace(/usersvc serve: SIGTERM: draining, [^\n]*\nusersvc serve: drained, [^\n]*\n$/, "");
}

export type LogRecord = Record<string, unknown>;
