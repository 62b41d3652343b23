import { summarizeEach, type Summary } from "./statistics.ts";

/** Something to measure, with what identifies it in the result. */
export interface Task<T extends object, K extends string> {
  /** Shown while it is measured. */
  readonly title: string;
  readonly about: T;
  readonly measure: () => Promise<Readonly<Record<K, number>>>;
}

/**
 * Measures everything once, and all of it again in each further round, so that what else happens on
 * the machine meanwhile falls on all of them.
 *
 * @param tell shows what is being measured
 */
export async function interleave<T extends object, K extends string>(
  tasks: readonly Task<T, K>[],
  rounds: number,
  tell: (what: string) => void,
): Promise<(T & Record<K, Summary>)[]> {
  const figures = tasks.map((): Readonly<Record<K, number>>[] => []);
  for (let round = 1; round <= rounds; round++) {
    for (const [index, task] of tasks.entries()) {
      tell(`round ${round} of ${rounds}: ${task.title}`);
      figures[index]!.push(await task.measure());
    }
  }
  return tasks.map(({ about }, index) => ({ ...about, ...summarizeEach(figures[index]!) }));
}
