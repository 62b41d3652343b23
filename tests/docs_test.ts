/** The documents name what is there. */
import assert from "node:assert/strict";
import config from "../deno.json" with { type: "json" };
import { root } from "../tools/paths.ts";
import { programTest } from "./program.ts";

const documents = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "docs/benchmarks.md",
  "docs/design.md",
  "docs/operations.md",
];

const PATH = /(?<![\w./-])(?:src|tests|tools|proto|docs|deploy)\/[\w./-]*/g;

programTest("every file and folder that a document names exists", async () => {
  for (const document of documents) {
    const text = await Deno.readTextFile(root + document);
    for (const [path] of text.matchAll(PATH)) {
      const exists = await Deno.stat(root + path.replace(/\.$/, "")).then(() => true, () => false);
      assert.ok(exists, `${document} names ${path}`);
    }
  }
});

programTest("docs/design.md names every folder of the sources and every dependency", async () => {
  const text = await Deno.readTextFile(`${root}docs/design.md`);
  for await (const { name, isDirectory } of Deno.readDir(`${root}src`)) {
    if (isDirectory) assert.ok(text.includes(`\`src/${name}/\``), name);
  }
  for (const name of Object.keys(config.imports)) assert.ok(text.includes(`\`${name}\``), name);
});

programTest("the tasks of deno.json are those that CONTRIBUTING.md explains", async () => {
  const text = await Deno.readTextFile(`${root}CONTRIBUTING.md`);
  const explained = [...text.matchAll(/^\| `([a-z:]+)` +\|/gm)].map(([, name]) => name);
  assert.deepEqual(explained.toSorted(), Object.keys(config.tasks).toSorted());
});
