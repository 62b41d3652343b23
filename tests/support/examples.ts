/** The examples of `call --help`. */
import assert from "node:assert/strict";
import { command } from "../../src/commands/call.ts";
import { shell, shellCommand, usersvc } from "./program.ts";

/** Those whose outcome depends on how fast the machine is. */
export const MEASURED = /--(?:timeout|rate|max-)/;

/** Runs some of them as they are. */
export async function runExamples(
  port: number,
  isMeant: (example: { readonly command: string }) => boolean,
): Promise<void> {
  const help = (await usersvc(["call", "--help"])).stdout;
  const meant = command.examples.filter(isMeant);
  assert.ok(meant.length > 3);
  for (const example of meant) {
    assert.ok(help.includes(`  ${example.command}`), example.command);
    const result = await shell(
      `export USERSVC_ADDRESS=localhost:${port}
      usersvc() { ${shellCommand('"$@"')}; }
      ${example.command}`,
    );
    const measured = /--summary/.test(example.command) ? /^usersvc call: 300 calls in / : /^$/;
    assert.equal(result.code, 0, example.command);
    assert.match(result.stderr, measured, example.command);
    assert.match(result.stdout, /Привет, /, example.command);
  }
}
