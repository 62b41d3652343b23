/**
 * Tries an executable of usersvc: what each command does for a user, over real sockets.
 *
 * usage: deno run -A tools/smoke.ts PATH
 */
import assert from "node:assert/strict";
import config from "../deno.json" with { type: "json" };
import { root } from "./paths.ts";
import { startServer } from "./running_server.ts";

const windows = Deno.build.os === "windows";

/** Runs the executable to its end; returns its stdout and throws if it fails. */
async function run(program: string, ...args: string[]): Promise<string> {
  const output = await new Deno.Command(program, {
    args,
    stdin: "null",
    env: { NO_COLOR: "1" },
  }).output();
  const [stdout, stderr] = [output.stdout, output.stderr]
    .map((bytes) => new TextDecoder().decode(bytes));
  assert.equal(output.code, 0, `${args.join(" ")}: ${stderr}`);
  return stdout!;
}

async function tryServer(program: string, args: readonly string[]): Promise<void> {
  const { port, stop } = await startServer(program, args);
  const address = ["--address", `127.0.0.1:${port}`];
  let code;
  try {
    assert.equal(await run(program, "call", "Иван", ...address), "Привет, Иван!\n");
    assert.equal(await run(program, "check", ...address), "SERVING\n");
  } finally {
    code = await stop();
  }
  // On Windows the server is killed, since there is no SIGTERM to drain it with.
  if (!windows) assert.equal(code, 0, "the server has drained");
}

/**
 * Tries the executable.
 *
 * @param say told each thing that works
 * @throws {Error} at the first thing that does not
 */
export async function smokeTest(program: string, say: (line: string) => void): Promise<void> {
  const versionLine = await run(program, "--version");
  assert.ok(versionLine.startsWith(`${config.name} ${config.version} `), versionLine);
  say(versionLine.trimEnd());
  assert.equal(await run(program, "proto"), await Deno.readTextFile(contract));
  say("proto");
  // Connections cannot be handed to another process on Windows.
  for (const args of windows ? [[]] : [[], ["--workers", "2"]]) {
    await tryServer(program, args);
    say(["serve", ...args].join(" ") + ", call, check");
  }
}

const contract = `${root}proto/user_service.proto`;

if (import.meta.main) {
  const [program, ...extra] = Deno.args;
  if (program === undefined || extra.length > 0) {
    console.error("usage: deno run -A tools/smoke.ts PATH");
    Deno.exit(2);
  }
  await smokeTest(program, (line) => console.log(`smoke: ${line}: works`));
}
