/** Measures what a process takes that does little: a call, the version, a server until it answers. */
import { parseTarget } from "../../src/client/target.ts";
import { openUserClient } from "../../src/client/user_client.ts";
import { type Client, measureCall } from "./clients.ts";
import { alone, usersvc } from "./contenders.ts";
import type { Program } from "./program.ts";
import { runTimed, startServer } from "./program.ts";
import type { Task } from "./rounds.ts";

type StartUp = Task<{ name: string }, "ms">;

/** A client that makes one call, until its process ends. */
export function oneCall(client: Client): StartUp {
  return startUp(client.name, () => measureCall(client));
}

/**
 * Prepares what is measured beside the clients.
 *
 * @param scratch a folder for files
 */
export async function prepareStartUps(scratch: string): Promise<StartUp[]> {
  const empty = `${scratch}/empty.js`;
  await Deno.writeTextFile(empty, "");
  const bare = { path: Deno.execPath(), args: ["run", "--no-config", empty] };
  // The client that asks the servers is loaded before anything is measured.
  await untilAnswered(alone.program);
  return [
    startUp("usersvc serve, until its first call is answered", () => untilAnswered(alone.program)),
    startUp("usersvc --version", () => untilEnded({ path: usersvc, args: ["--version"] })),
    startUp("deno run of an empty file", () => untilEnded(bare)),
  ];
}

function startUp(name: string, measure: () => Promise<number>): StartUp {
  return { title: name, about: { name }, measure: async () => ({ ms: await measure() }) };
}

async function untilEnded(program: Program): Promise<number> {
  return (await runTimed(program)).ms;
}

/**
 * Calls a server as soon as it says that it accepts calls.
 *
 * @returns milliseconds from the start of its process to the answer
 */
async function untilAnswered(program: Program): Promise<number> {
  const begun = performance.now();
  const { port, stop } = await startServer(program);
  try {
    const client = await openUserClient({
      target: parseTarget(`127.0.0.1:${port}`)!,
      wait: false,
      retries: 0,
      headers: [],
    });
    await client.getUser("Alice", { timeoutMs: 10_000 });
    const ms = performance.now() - begun;
    client.close();
    return ms;
  } finally {
    await stop();
  }
}
