/** Clients for the tests of the gauntlet, which are scripts. */
import assert from "node:assert/strict";
import { shellCommand, usersvc } from "../support/program.ts";

/** Our own client, with a deadline that a busy machine does not reach. */
export const ourClient = () => shellCommand("call Alice --timeout 30s");

/** A script of a client as the command of a gauntlet. */
export const script = (text: string): string[] => ["--", "bash", "-c", text];

/** Runs some cases. */
export async function gauntlet(only: string, client: string, ...flags: string[]) {
  return await usersvc(["gauntlet", "--only", only, ...flags, ...script(client)]);
}

/** Runs one case and returns its result in JSON. */
export async function result(only: string, client: string, ...flags: string[]) {
  const { code, stdout, stderr } = await gauntlet(only, client, "--json", ...flags);
  assert.match(stdout, /^[^\n]+\n$/, stderr);
  const one = JSON.parse(stdout);
  assert.equal(code, one.verdict === "passed" ? 0 : 1);
  return one;
}
