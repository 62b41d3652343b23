/** Which random cases a run has, and how one of them is repeated. */
import { randomNumbers } from "../../support/random.ts";

/** Random choices that follow from a seed. */
export interface Choices {
  /** A whole number from 0 to below `count`. */
  below(count: number): number;
  /** Whether something happens that does so once in so many times. */
  oneIn(times: number): boolean;
  pick<T>(from: readonly T[]): T;
}

/** The choices of a case. */
export function choicesOf(seed: number): Choices {
  const random = randomNumbers(seed);
  const below = (count: number) => Math.floor(random() * count);
  return {
    below,
    oneIn: (times) => below(times) === 0,
    pick: (from) => from[below(from.length)]!,
  };
}

/** The same each time, so that what CI says follows from the code; others are for whoever looks for more. */
const FIRST = 1;

/** How many cases Go's side works on while ours does. */
const AT_ONCE = 50;

/**
 * Runs the cases of a suite, some at a time, each with a seed of its own. `-- SEED COUNT` names the
 * first seed and how many there are, one by default.
 *
 * @returns how many there were
 * @throws {Error} of a case, with the command that repeats it
 */
export async function forEachCase(
  suite: string,
  defaultCount: number,
  run: (choices: Choices, seed: number) => Promise<void>,
): Promise<number> {
  const [first = FIRST, some = Deno.args.length === 0 ? defaultCount : 1] = Deno.args.map(Number);
  console.log(`${some} cases, the first has the seed ${first}`);
  const end = first + some;
  for (let from = first; from < end; from += AT_ONCE) {
    const seeds = Array.from({ length: Math.min(AT_ONCE, end - from) }, (_, index) => from + index);
    await Promise.all(seeds.map(async (seed) => {
      try {
        await run(choicesOf(seed), seed);
      } catch (error) {
        throw new Error(howToRepeat(suite, seed), { cause: error });
      }
    }));
  }
  return some;
}

/** The command that repeats a case. */
export function howToRepeat(suite: string, seed: number): string {
  return `repeat it with: deno test -A --no-prompt tests/http2/fuzz/${suite}_test.ts -- ${seed}`;
}
