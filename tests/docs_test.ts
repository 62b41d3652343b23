/** The documents name what is there. */
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import config from "../deno.json" with { type: "json" };
import { loadCommands } from "../src/cli/help.ts";
import { program } from "../src/main.ts";
import { withDeclarations } from "../tools/commands_doc.ts";
import { root } from "../tools/paths.ts";
import { permissions } from "../tools/run_flags.ts";
import { posixTest, programTest } from "./support/program.ts";
import { allRecipes, type Recipe, runRecipe } from "./support/recipes.ts";

const documents = [
  "README.md",
  "CONTRIBUTING.md",
  "SECURITY.md",
  "docs/benchmarks.md",
  "docs/commands.md",
  "docs/design.md",
  "docs/gauntlet.md",
  "docs/operations.md",
  "docs/testing.md",
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

programTest("every link from a document to another leads to a file and a heading", async () => {
  for (const document of documents) {
    const text = await Deno.readTextFile(root + document);
    for (const [link, path, anchor] of text.matchAll(/\]\((?!\w+:)([^)#]*)(?:#([^)]*))?\)/g)) {
      const target = path === "" ? document : join(dirname(document), path!);
      const { isFile } = await Deno.stat(root + target).catch(() => assert.fail(document + link));
      if (anchor === undefined) continue;
      assert.ok(isFile, `${document}: ${link}`);
      const headings = [...(await Deno.readTextFile(root + target)).matchAll(/^#+ (.*)$/gm)]
        .map(([, heading]) => heading!.toLowerCase().replaceAll(" ", "-"));
      assert.ok(headings.includes(anchor), `${document}: ${link}`);
    }
  }
});

programTest("docs/operations.md has the permissions that the program is given", async () => {
  const text = await Deno.readTextFile(`${root}docs/operations.md`);
  const rows = [...text.matchAll(/^\| `(--[^`]+)` +\| (.*?) +\|$/gm)];
  assert.deepEqual(rows.map(([, flag, why]) => ({ flag, why })), permissions);
});

programTest("docs/design.md names every folder of the sources and every dependency", async () => {
  const text = await Deno.readTextFile(`${root}docs/design.md`);
  for await (const { name, isDirectory } of Deno.readDir(`${root}src`)) {
    if (isDirectory) assert.ok(text.includes(`\`src/${name}/\``), name);
  }
  for (const name of Object.keys(config.imports)) assert.ok(text.includes(`\`${name}\``), name);
});

/** What the head of each workaround says. */
const HEAD = ["What is wrong", "Versions: ", "Upstream: ", "Measured", "Fails: ", "It can go"];

programTest(
  "each workaround is in docs/design.md, and its head says what fails without",
  async () => {
    const design = await Deno.readTextFile(`${root}docs/design.md`);
    const table = /^## Workarounds$[^]*?(?=^## )/m.exec(design)![0];
    const named = [...table.matchAll(/^\| `(\w+\.ts)` /gm)].map(([, name]) => name!);
    const files = await Array.fromAsync(Deno.readDir(`${root}src/workarounds`));
    assert.deepEqual(named, files.map(({ name }) => name).toSorted());
    for (const name of named) {
      const text = await Deno.readTextFile(`${root}src/workarounds/${name}`);
      const parts = text.slice(0, text.indexOf("*/")).split(/^ \* - /m).slice(1)
        .map((part) => part.replace(/\n \* +/g, " "));
      assert.deepEqual(parts.filter((part, at) => !part.startsWith(HEAD[at]!)), [], name);
      assert.equal(parts.length, HEAD.length, name);
      const paths = [...parts.join(" ").matchAll(PATH)].map(([path]) => path.replace(/\.$/, ""));
      const tests = await Promise.all(
        paths.filter((path) => path.endsWith(".ts")).map((path) => Deno.readTextFile(root + path)),
      );
      for (const [, test] of parts[4]!.matchAll(/"([^"]+)"/g)) {
        assert.ok(tests.some((text) => text.includes(test!)), `${name} names the test "${test}"`);
      }
    }
  },
);

programTest("the tasks of deno.json are those that CONTRIBUTING.md explains", async () => {
  const text = await Deno.readTextFile(`${root}CONTRIBUTING.md`);
  const explained = [...text.matchAll(/^\| `([a-z:]+)` +\|/gm)].map(([, name]) => name);
  assert.deepEqual(explained.toSorted(), Object.keys(config.tasks).toSorted());
});

programTest("each folder of tests is run by a task", async () => {
  const commands = Object.values(config.tasks).map(({ command }) => command).join(" ");
  for await (const { name, isDirectory } of Deno.readDir(`${root}tests`)) {
    if (!isDirectory) continue;
    const files = await Array.fromAsync(Deno.readDir(`${root}tests/${name}`));
    if (!files.some(({ name }) => name.endsWith("_test.ts"))) continue;
    assert.ok(commands.includes(` tests/${name}/`), name);
  }
});

/** The shells that recipes are run with here; tests/interop/recipes_test.ts has zsh and fish. */
const shells: Readonly<Record<string, string>> = { sh: "sh", bash: "bash", console: "sh" };

/** What is not run, and why. */
const notRun: readonly [recipe: RegExp, why: string][] = [
  [/\btask demo\b/, "tests/tools/build_test.ts runs the demo; the other command runs this test"],
  [/\btask build\b/, "tests/tools/build_test.ts builds; it takes a minute and replaces ./usersvc"],
  [/\/releases\/latest\/download/, "needs a network and a release"],
  [/^go mod init /m, "needs Go and protoc; tests/interop/go_test.ts runs it"],
  [/^docker /m, "needs Docker; tests/deploy/container_test.ts does by hand what it does"],
];

const elsewhere = new Set(["zsh", "fish"]);

function isRun({ text }: Recipe): boolean {
  return !notRun.some(([recipe]) => recipe.test(text));
}

programTest("every block of a document says its language, and each recipe is run", async () => {
  const recipes = await allRecipes();
  for (const { place, language } of recipes.filter(isRun)) {
    const known = Object.hasOwn(shells, language) || elsewhere.has(language);
    assert.ok(known, `${place}: no test runs "${language}"`);
  }
  for (const [recipe] of notRun) {
    assert.ok(recipes.some(({ text }) => recipe.test(text)), `no recipe is like ${recipe}`);
  }
});

posixTest("the recipes of the documents work in the shells that they are for", async () => {
  const recipes = (await allRecipes()).filter(isRun);
  for (const recipe of recipes) {
    const shell = Object.hasOwn(shells, recipe.language) ? shells[recipe.language] : undefined;
    if (shell === undefined) continue;
    // They may not be there; tests/interop/recipes_test.ts installs them.
    await runRecipe(recipe, shell, { skipped: (command) => /^(?:grpcurl|jq) /.test(command) });
  }
});

posixTest("a transcript that shows something else than what appears is an error", async () => {
  const served = "$ ./usersvc serve --port 50051\ngRPC сервер запущен на порту 50051...\n";
  const wrong: readonly [text: string, appears: RegExp][] = [
    ["$ ./usersvc call Alice\nПривет, Bob!\n", /Привет, Alice!/],
    ["$ ./usersvc call Alice\n", /Привет, Alice!/],
    ['$ ./usersvc call "" || true\n', /INVALID_ARGUMENT/],
    ['$ ./usersvc call ""\nusersvc call: INVALID_ARGUMENT from localhost:50051: empty\n', /67/],
    ["$ ./usersvc serve --port 50051\n$ ./usersvc proto > p\n", /no start line/],
    [`${served}Получен\n$ ./usersvc proto > p\n`, /- .*Получен/],
  ];
  for (const [text, appears] of wrong) {
    const recipe = { place: "here", language: "console", text };
    await assert.rejects(runRecipe(recipe, "sh"), { name: "AssertionError", message: appears });
  }
});

programTest("docs/commands.md has the flags and examples of each command", async () => {
  const page = await Deno.readTextFile(`${root}docs/commands.md`);
  const commands = await loadCommands(program);
  const [serve] = commands;
  const delay = { ...serve!.flags.delay!, help: "Answer | late" };
  const changed = { ...serve!, flags: { ...serve!.flags, delay, another: { help: "Do more" } } };
  const current = withDeclarations(page, [changed, ...commands.slice(1)]);
  assert.ok(current.includes("\n| `--delay DURATION` | Answer \\| late |  |  |\n"));
  assert.ok(current.includes("\n| `--another` | Do more |  |  |\n"));
  const more = { ...serve!, name: "more" };
  assert.throws(
    () => withDeclarations(page, [...commands, more]),
    /no block "<!-- flags of more -->"/,
  );
  assert.throws(() => withDeclarations(page, [more]), /names the command serve/);
});
