import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { mersenne } from "pure-rand/generator/mersenne";
import type { Random } from "./plan.ts";

/**
 * Numbers that follow from a seed. Those of other generators begin alike for seeds that lie close
 * together.
 *
 * @param seed a whole number below 2 ** 32
 */
export function seededRandom(seed: number): Random {
  const generator = mersenne(seed);
  return () => uniformFloat64(generator);
}
