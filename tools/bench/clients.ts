/** Measures clients: the whole process, from its start to its end. */
import { type Program, runTimed } from "./program.ts";

/** A client to measure. */
export interface Client {
  readonly name: string;
  readonly program: Program;
}

const greeting = (name: string) => `Привет, ${name}!`;

/**
 * One call of Alice.
 *
 * @returns milliseconds
 * @throws {Error} if it does not print the greeting
 */
export async function measureCall({ name, program }: Client): Promise<number> {
  const { stdout, ms } = await runTimed(program);
  if (!stdout.includes(greeting("Alice"))) throw new Error(`${name} printed ${stdout}`);
  return ms;
}

/**
 * Many calls by one process, names on its stdin.
 *
 * @returns milliseconds
 * @throws {Error} if it does not print the greetings in the order of the names
 */
export async function measureCalls({ name, program }: Client, calls: number): Promise<number> {
  const names = Array.from({ length: calls }, (_, index) => `user-${index}`);
  const { stdout, ms } = await runTimed(program, names.map((name) => `${name}\n`).join(""));
  if (stdout !== names.map((name) => `${greeting(name)}\n`).join("")) {
    throw new Error(`${name} did not print the greetings of ${calls} names on stdin in order`);
  }
  return ms;
}
