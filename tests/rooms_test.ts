/** The rooms of the sources import each other as the table in docs/design.md says, and not in circles. */
import assert from "node:assert/strict";
import { loadCommands } from "../src/cli/help.ts";
import { program } from "../src/main.ts";
import { mainModule, root } from "../tools/paths.ts";
import { programTest } from "./support/program.ts";

/** The sources by their paths below `src/`, each with those that it imports, types included. */
type Imports = ReadonlyMap<string, readonly string[]>;

interface Module {
  readonly specifier: string;
  readonly dependencies?: readonly {
    readonly code?: { readonly specifier?: string };
    readonly type?: { readonly specifier?: string };
  }[];
}

/** Reads what a module and all below it import, as far as it lies in one folder of the checkout. */
async function readImports(main = mainModule, folder = "src"): Promise<Imports> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", main],
    cwd: root,
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as { modules: Module[] };
  const sources = new URL(`../${folder}/`, import.meta.url).href;
  const pathOf = (specifier = "") =>
    specifier.startsWith(sources) ? [specifier.slice(sources.length)] : [];
  return new Map(
    modules.flatMap(({ specifier, dependencies = [] }) =>
      pathOf(specifier).map((path) => [
        path,
        dependencies.flatMap((
          { code, type },
        ) => [...pathOf(code?.specifier), ...pathOf(type?.specifier)]),
      ])
    ),
  );
}

/** The room of a source: its folder, or its own name where it lies beside the folders. */
function roomOf(path: string): string {
  return path.split("/", 1)[0]!;
}

/** What each room may import, from the table of docs/design.md. */
async function readRules(): Promise<ReadonlyMap<string, readonly string[]>> {
  const text = await Deno.readTextFile(`${root}docs/design.md`);
  const rows = [...text.matchAll(/^\| `src\/([\w.]+)\/?` +\|.*\|([^|]*)\|$/gm)];
  const rooms = rows.map(([, room]) => room!);
  return new Map(rows.map(([, room, allowed]) => [
    room!,
    allowed!.includes("every room")
      ? rooms
      : [...allowed!.matchAll(/`([\w.]+)`/g)].map(([, name]) => name!),
  ]));
}

/** The imports that lead from a source back to itself, or undefined. */
function findCycle(imports: Imports): readonly string[] | undefined {
  const done = new Set<string>();
  const visit = (path: string, before: readonly string[]): readonly string[] | undefined => {
    if (before.includes(path)) return [...before.slice(before.indexOf(path)), path];
    if (done.has(path)) return undefined;
    for (const next of imports.get(path) ?? []) {
      const cycle = visit(next, [...before, path]);
      if (cycle) return cycle;
    }
    done.add(path);
    return undefined;
  };
  for (const path of imports.keys()) {
    const cycle = visit(path, []);
    if (cycle) return cycle;
  }
  return undefined;
}

Deno.test("a cycle is found, and only where there is one", () => {
  const tree = new Map([["a", ["b", "c"]], ["b", ["c"]], ["c", []]]);
  assert.equal(findCycle(tree), undefined);
  assert.deepEqual(findCycle(new Map([...tree, ["c", ["a"]]])), ["a", "b", "c", "a"]);
});

programTest("each room imports only those that docs/design.md allows it", async () => {
  const [imports, rules] = await Promise.all([readImports(), readRules()]);
  assert.ok(imports.size > 20, `${imports.size} sources were read`);
  const rooms = new Set([...imports.keys()].map(roomOf));
  assert.deepEqual([...rooms].toSorted(), [...rules.keys()].toSorted());
  const forbidden = [...imports].flatMap(([path, targets]) =>
    targets
      .filter((target) => {
        const [from, to] = [roomOf(path), roomOf(target)];
        return from !== to && !rules.get(from)!.includes(to);
      })
      .map((target) => `${path} imports ${target}`)
  );
  assert.deepEqual(forbidden, []);
});

programTest("no source imports itself by way of others", async () => {
  assert.equal(findCycle(await readImports()), undefined);
});

programTest("no tool does so either", async () => {
  for (const [tool, files] of [["bench", 8], ["package", 8]] as const) {
    const imports = await readImports(`${root}tools/${tool}.ts`, "tools");
    assert.ok(imports.size > files, `${imports.size} files of ${tool} were read`);
    assert.equal(findCycle(imports), undefined);
  }
});

/** The arrows of the picture in docs/design.md: for each room those that they lead to. */
async function readPicture(): Promise<ReadonlyMap<string, readonly string[]>> {
  const text = await Deno.readTextFile(`${root}docs/design.md`);
  const [, picture] = /^```mermaid\n([^]*?)^```$/m.exec(text)!;
  const arrows = [...picture!.matchAll(/^ +([\w.]+) --> ([\w.]+)$/gm)];
  const rooms = new Set(arrows.flatMap(([, from, to]) => [from!, to!]));
  return new Map([...rooms].map((room) => [
    room,
    arrows.filter(([, from]) => from === room).map(([, , to]) => to!),
  ]));
}

programTest("the picture of the rooms in docs/design.md is that of its table", async () => {
  const [rules, picture] = await Promise.all([readRules(), readPicture()]);
  assert.equal(findCycle(picture), undefined);
  assert.deepEqual([...picture.keys()].toSorted(), [...rules.keys()].toSorted());
  const below = (room: string): string[] => picture.get(room)!.flatMap((to) => [to, ...below(to)]);
  for (const [room, arrows] of picture) {
    const allowed = rules.get(room)!.filter((other) => other !== room && other !== "main.ts");
    assert.deepEqual(arrows.filter((to) => !allowed.includes(to)), [], `arrows from ${room}`);
    assert.deepEqual(allowed.filter((to) => !below(room).includes(to)), [], `below ${room}`);
  }
});

/** The ways of docs/design.md: the files of each row of that table, in their order. */
async function readWays(): Promise<string[][]> {
  const text = await Deno.readTextFile(`${root}docs/design.md`);
  return [...text.matchAll(/^\| [^|]+ \| (`[^|]+` → [^|]+) \|$/gm)].map(([, way]) =>
    [...way!.matchAll(/`([^`]+)`/g)].map(([, path]) => path!)
  );
}

programTest("the ways in docs/design.md lead from file to file", async () => {
  const [imports, ways] = await Promise.all([readImports(), readWays()]);
  assert.equal(ways.length, 5);
  const meet = (a: string, b: string) =>
    [...imports].some(([path, targets]) =>
      [a, b].every((file) => file === path || targets.includes(file))
    );
  const gaps = ways.flatMap((way) =>
    way.slice(1).flatMap((to, i) => meet(way[i]!, to) ? [] : [`${way[i]} → ${to}`])
  );
  assert.deepEqual(gaps, []);
});

/**
 * The rooms that know no flags. The room of processes runs `serve` and nothing else: a warning of a
 * server that runs names the flag that helps.
 */
const FLAGLESS = ["batch", "gauntlet", "telemetry", "server", "client", "contract"];

/** Only the commands and `main.ts` read a command line. */
const COMMAND_LINE = ["command.ts", "command_line.ts", "help.ts", "program.ts", "values.ts"]
  .map((file) => `cli/${file}`);

/** The flags of all commands, as they are typed. */
async function flagNames(): Promise<string[]> {
  const names = (await loadCommands(program)).flatMap(({ flags }) => Object.keys(flags));
  // Deno has one of this name, which its own processes are started with.
  return [...new Set(names)].filter((name) => name !== "quiet").map((name) => `--${name}`);
}

programTest(
  "no flag is named below the commands and processes, which say what to do with one",
  async () => {
    const flags = await flagNames();
    assert.ok(flags.includes("--port"));
    // The page is a text for people, and shows whole commands; tests/page/ runs them.
    const paths = [...(await readImports()).keys()]
      .filter((path) => FLAGLESS.includes(roomOf(path)) && path !== "server/http/page.html");
    assert.ok(paths.length > 20, `${paths.length} sources were read`);
    const named = await Promise.all(paths.map(async (path) => {
      const words = (await Deno.readTextFile(`${root}src/${path}`)).match(/--[a-z][a-z-]*/g) ?? [];
      return words.filter((word) => flags.includes(word)).map((flag) => `${path}: ${flag}`);
    }));
    assert.deepEqual(named.flat(), []);
  },
);

programTest("only commands and main.ts read command lines", async () => {
  const readers = [...await readImports()].flatMap(([path, targets]) =>
    ["cli", "commands", "main.ts"].includes(roomOf(path))
      ? []
      : targets.filter((target) => COMMAND_LINE.includes(target)).map((to) => `${path}: ${to}`)
  );
  assert.deepEqual(readers, []);
});
