import assert from "node:assert/strict";
import { escapeControls, excerpt, jsonString } from "../../src/text/escape.ts";

Deno.test("controls, line breaks and bidirectional overrides are shown escaped", () => {
  const cases: [string, string][] = [
    ["a\nb\rc\td", "a\\nb\\rc\\td"],
    ["\x00\x1b[2J\x7f\x9b", "\\x00\\x1b[2J\\x7f\\x9b"],
    ["\u2028\u2029", "\\u2028\\u2029"],
    ["\u202e\u2066x\u2069", "\\u202e\\u2066x\\u2069"],
  ];
  for (const [text, shown] of cases) assert.equal(escapeControls(text), shown);
});

Deno.test("letters of every script, emoji and joiners stay", () => {
  for (const text of ["Иван Петров", "שלום", "مرحبا", "👩‍👩‍👧", "e\u0301", "a\\nb", " "]) {
    assert.equal(escapeControls(text), text);
  }
});

Deno.test("an excerpt counts code points and splits none", () => {
  assert.equal(excerpt("😀".repeat(3), 3), "😀😀😀");
  assert.equal(excerpt("😀".repeat(4), 3), "😀😀😀...");
  assert.equal(excerpt("a".repeat(5_000_000), 3), "aaa...");
  assert.equal(excerpt("\n".repeat(3), 3), "\\n\\n\\n");
});

Deno.test("a JSON string is safe for a terminal and parses to the same text", () => {
  assert.equal(jsonString('a"\n\x7f\x9b\u2028\u202e'), '"a\\"\\n\\u007f\\u009b\\u2028\\u202e"');
  for (const text of ["", "Иван 👩‍👩‍👧", 'a\\"\n\x00\x1b\x85\u2066', "\ud800"]) {
    assert.equal(JSON.parse(jsonString(text)), text);
  }
});
