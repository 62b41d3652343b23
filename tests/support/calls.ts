/** Calls of one name, and batches of many, with what is printed of them. */
import { type Result, usersvc } from "./program.ts";

/** What is printed of a greeting of Alice. */
export const GREETED: Result = { code: 0, stdout: "Привет, Alice!\n", stderr: "" };

/** Calls Alice at an address. */
export function call(address: string, ...flags: readonly string[]): Promise<Result> {
  return usersvc(["call", "Alice", "--address", address, ...flags]);
}

/** Names that are told apart. */
export function names(count: number, from = 0): string[] {
  return Array.from({ length: count }, (_, index) => `n${from + index}`);
}

/** What `call` prints for names that are greeted. */
export function greetings(usernames: readonly string[]): string {
  return usernames.map((username) => `Привет, ${username}!\n`).join("");
}
