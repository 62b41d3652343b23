/** What once failed; each suite begins with it. */
import { Buffer } from "node:buffer";
import { choicesOf } from "./seeds.ts";
import type { Choices } from "./seeds.ts";

/** A case that once failed. */
interface Kept {
  /** What was wrong. */
  readonly what: string;
  /** Frames, or blocks of HPACK, in hexadecimal digits. */
  readonly parts: readonly string[];
}

/** Runs each case of `corpus/SUITE.json`. */
export async function replay(
  suite: string,
  run: (parts: Buffer[], choices: Choices) => Promise<void>,
): Promise<void> {
  const path = new URL(`corpus/${suite}.json`, import.meta.url);
  const kept: Kept[] = JSON.parse(await Deno.readTextFile(path));
  for (const { what, parts } of kept) {
    try {
      await run(parts.map((part) => Buffer.from(part, "hex")), choicesOf(1));
    } catch (error) {
      throw new Error(`of corpus/${suite}.json: ${what}`, { cause: error });
    }
  }
}
