import assert from "node:assert/strict";
import { type Choice, coveringRows, type Row, type Table } from "./covering.ts";
import { modes } from "./modes.ts";

/** Whether a row shows two choices together. */
function shows(row: Row<Choice>, one: string, first: Choice, other: string, second: Choice) {
  return row[one] === first && row[other] === second &&
    Object.values(row).every((choice) => !choice.hides || choice === first || choice === second);
}

/** The pairs of a table that no row shows. */
function unseen(table: Table<Choice>, rows: readonly Row<Choice>[]): string[] {
  const pairs: string[] = [];
  for (const one in table) {
    for (const other in table) {
      if (one >= other) continue;
      for (const first of table[one]!) {
        for (const second of table[other]!) {
          if (rows.some((row) => shows(row, one, first, other, second))) continue;
          pairs.push(`${one} ${first.name}, ${other} ${second.name}`);
        }
      }
    }
  }
  return pairs.toSorted();
}

/** Pairs of the table that exclude each other. */
const NO_SENSE = [
  "client Connect, HTTP/1.1, http --no-http",
  "client Connect, HTTP/2, http --no-http",
  "client gRPC-Web, http --no-http",
  "fail half, seeded, workers 1",
  "fail half, seeded, workers 2",
  "http --no-http, record 100",
  "record 100, workers 1",
  "record 100, workers 2",
];

Deno.test("every pair of modes occurs, whatever the seed, in some 46 servers", () => {
  for (let seed = 0; seed < 8; seed++) {
    const rows = coveringRows<Choice>(modes, seed);
    assert.deepEqual(unseen(modes, rows), NO_SENSE, `seed ${seed}`);
    assert.ok(rows.length <= 49, `${rows.length} servers of seed ${seed}`);
    assert.notDeepEqual(
      unseen(modes, rows.slice(1)),
      NO_SENSE,
      "a pair that no row has would be seen",
    );
  }
});

Deno.test("the same seed makes the same servers, another one others", () => {
  const names = (seed: number) => JSON.stringify(coveringRows<Choice>(modes, seed));
  assert.equal(names(7), names(7));
  assert.notEqual(names(7), names(8));
});
