/** Chooses rows of a table so that every pair of choices occurs: a covering array of strength 2. */
import { randomNumbers } from "../support/random.ts";

/** One of the choices of a dimension. */
export interface Choice {
  readonly name: string;
  /** With it there is so little to see that a row shows only those pairs that it is a part of. */
  readonly hides?: boolean;
  /** Choices of other dimensions, by the dimension's name, with which it makes no sense. */
  readonly without?: Readonly<Record<string, readonly string[]>>;
}

/** The choices of each dimension, by its name. */
export type Table<C extends Choice> = Readonly<Record<string, readonly C[]>>;

/** One choice of each dimension, by its name. */
export type Row<C extends Choice> = Readonly<Record<string, C>>;

/** How many arrays are made for the smallest of them. */
const ARRAYS = 10;

/** How many rows are tried for each that is taken. */
const CANDIDATES = 10;

/**
 * Chooses rows in which every pair of choices occurs that makes sense together. The same seed makes the
 * same rows.
 *
 * @param seed an integer
 * @throws {Error} if the choices do not leave a row for some pair
 */
export function coveringRows<C extends Choice>(table: Table<C>, seed: number): Row<C>[] {
  const random = randomNumbers(seed);
  const parts = partsOf(table);
  const arrays = Array.from({ length: ARRAYS }, () => greedyRows(parts, random));
  const [smallest] = arrays.toSorted((a, b) => a.length - b.length);
  return smallest!.map((row) =>
    Object.fromEntries(row.map(({ dimension, choice }) => [dimension, choice]))
  );
}

/** A choice in its place in the table. */
interface Part<C extends Choice> {
  readonly dimension: string;
  readonly choice: C;
  /** Its number among all of the table. */
  readonly id: number;
}

type Pair<C extends Choice> = readonly [Part<C>, Part<C>];

/** Pairs by a number of their own. */
type Pairs<C extends Choice> = Map<number, Pair<C>>;

function partsOf<C extends Choice>(table: Table<C>): Part<C>[][] {
  let id = 0;
  return Object.entries(table).map(([dimension, choices]) =>
    choices.map((choice) => ({ dimension, choice, id: id++ }))
  );
}

/** Takes the row that shows the most pairs that are missing, until none is. */
function greedyRows<C extends Choice>(parts: Part<C>[][], random: () => number): Part<C>[][] {
  const missing = new Map(possiblePairs(parts).map((pair) => [numberOf(pair), pair]));
  const rows: Part<C>[][] = [];
  while (missing.size > 0) {
    const candidates = Array.from({ length: CANDIDATES }, () => candidate(parts, missing, random));
    const best = mostNews(candidates.filter((row) => row !== undefined), missing);
    if (!best) throw new Error(`no row is left for ${[...missing.values()].map(describe)}`);
    for (const pair of shownPairs(best)) missing.delete(numberOf(pair));
    rows.push(best);
  }
  return rows;
}

function numberOf([{ id: first }, { id: second }]: Pair<Choice>): number {
  return Math.min(first, second) * 1_000 + Math.max(first, second);
}

function describe(pair: Pair<Choice>): string {
  return pair.map(({ dimension, choice }) => `${dimension} ${choice.name}`).join(" with ");
}

/** Every two of a list, in its order. */
function twos<T>(list: readonly T[]): (readonly [T, T])[] {
  return list.flatMap((first, index) =>
    list.slice(index + 1).map((second) => [first, second] as const)
  );
}

function possiblePairs<C extends Choice>(parts: Part<C>[][]): Pair<C>[] {
  return twos(parts).flatMap(([some, others]) =>
    some.flatMap((first) => others.map((second) => [first, second] as const))
  ).filter(([first, second]) => goTogether(first, second));
}

function goTogether(first: Part<Choice>, second: Part<Choice>): boolean {
  const excludes = ({ choice: { without } }: Part<Choice>, { dimension, choice }: Part<Choice>) =>
    without?.[dimension]?.includes(choice.name);
  return !excludes(first, second) && !excludes(second, first);
}

function shownPairs<C extends Choice>(row: readonly Part<C>[]): Pair<C>[] {
  const hiding = row.filter(({ choice }) => choice.hides);
  return twos(row).filter((pair) => hiding.every((part) => pair.includes(part)));
}

/** The row that shows the most of the missing pairs; the first of several. */
function mostNews<C extends Choice>(
  rows: readonly Part<C>[][],
  missing: Pairs<C>,
): Part<C>[] | undefined {
  const news = rows.map((row) =>
    shownPairs(row).filter((pair) => missing.has(numberOf(pair))).length
  );
  return rows[news.indexOf(Math.max(...news))];
}

/** A row with one of the missing pairs and, choice by choice, as many others as it can have. */
function candidate<C extends Choice>(
  parts: readonly Part<C>[][],
  missing: Pairs<C>,
  random: () => number,
): Part<C>[] | undefined {
  let row: Part<C>[] = [...shuffled([...missing.values()], random)[0]!];
  const started = row.map(({ dimension }) => dimension);
  for (const choices of shuffled(parts, random)) {
    if (started.includes(choices[0]!.dimension)) continue;
    const possible = shuffled(choices, random)
      .filter((part) => row.every((other) => goTogether(part, other)));
    const best = mostNews(possible.map((part) => [...row, part]), missing);
    if (!best) return undefined;
    row = best;
  }
  return row.toSorted((a, b) => a.id - b.id);
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  return list.map((item) => [random(), item] as const)
    .toSorted(([a], [b]) => a - b).map(([, item]) => item);
}
