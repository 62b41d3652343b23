/** Runs the recipes of the documents: their blocks of shell commands. */
import assert from "node:assert/strict";
import { root } from "../../tools/paths.ts";
import { type Running, start as startIn } from "../../tools/programs.ts";
import { shellCommand, STARTED } from "./program.ts";
import { closedPort } from "./tcp_peer.ts";

/** A block of a document. */
export interface Recipe {
  /** `README.md:20`, where it begins. */
  readonly place: string;
  /** What stands behind the opening fence: `sh`, `console`, `text`. */
  readonly language: string;
  readonly text: string;
}

/** The languages that are no shell's. */
const NO_SHELL = ["text", "json", "yaml", "proto", "ts", "mermaid", "python", "go", "js"];

/** Every recipe in the documents of the repository. */
export async function allRecipes(): Promise<Recipe[]> {
  const recipes: Recipe[] = [];
  for await (const document of documentsIn("")) {
    const text = await Deno.readTextFile(root + document);
    for (const { 1: language, 2: block, index } of text.matchAll(/^```(.*)\n([^]*?)^```$/gm)) {
      if (NO_SHELL.includes(language!)) continue;
      const line = text.slice(0, index).split("\n").length;
      recipes.push({ place: `${document}:${line}`, language: language!, text: block! });
    }
  }
  return recipes;
}

/** A file of an example in docs/testing.md, which names it in the line before its block. */
export async function exampleFile(name: string): Promise<string> {
  const page = await Deno.readTextFile(`${root}docs/testing.md`);
  const example = new RegExp(`\`${name}\`.*:\n\n\`\`\`\\w+\n([^]*?)^\`\`\`$`, "m").exec(page);
  return example?.[1] ?? assert.fail(`docs/testing.md has no ${name}`);
}

async function* documentsIn(folder: string): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(root + folder)) {
    if (
      isDirectory && !name.startsWith(".") && !["vendor", "node_modules", "dist"].includes(name)
    ) {
      yield* documentsIn(`${folder}${name}/`);
    }
    if (name.endsWith(".md")) yield folder + name;
  }
}

/** Where a recipe runs: a folder that is also its home, with `./usersvc`, which is on PATH too. */
interface Place {
  readonly folder: string;
  readonly port: number;
  readonly metricsPort: number;
  /** In the environment of every process that the recipe starts. */
  readonly marker: string;
  readonly env: Record<string, string>;
}

/**
 * Runs a recipe and checks that it fails nowhere and leaves no process behind, and of a `console`
 * block also what it prints.
 *
 * A block for a shell is one script, which ends at the first command that fails. Of a `console`
 * block each `$ command` is one of `sh`, and what it prints on stdout and stderr is what the block
 * shows. A server that it starts runs until its end, and its output begins with what the block
 * shows; where it starts none, one is there. Times and the ports of peers may differ.
 *
 * @param shell the path of the shell
 * @param setup lines of shell to run before a script
 * @param skipped which commands of a `console` block not to run
 */
export async function runRecipe(
  { place, language, text }: Recipe,
  shell: string,
  { setup = "", path = [], skipped = () => false }: {
    readonly setup?: string;
    /** Folders to add to PATH. */
    readonly path?: readonly string[];
    readonly skipped?: (command: string) => boolean;
  } = {},
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "usersvc-recipe-" });
  const marker = `recipe-${crypto.randomUUID()}`;
  try {
    const program = `${folder}/usersvc`;
    await Deno.writeTextFile(program, `#!/bin/sh\nexec ${shellCommand('"$@"')}\n`, { mode: 0o755 });
    const port = await closedPort();
    const where: Place = {
      folder,
      port,
      metricsPort: await closedPort(),
      marker,
      env: {
        HOME: folder,
        PATH: [folder, ...path, Deno.env.get("PATH")].join(":"),
        USERSVC_ADDRESS: `localhost:${port}`,
        NO_COLOR: "1",
        ...cacheOfDeno(),
      },
    };
    // Another program may use these ports.
    const here = text.replaceAll("50051", `${port}`).replaceAll("9464", `${where.metricsPort}`);
    if (language === "console") await runConsole(where, place, here, shell, skipped);
    else await runScript(where, place, shell, [...strict(language), "-c", setup + here]);
  } finally {
    for (const pid of await marked(marker)) Deno.kill(pid, "SIGKILL");
    await Deno.remove(folder, { recursive: true });
  }
}

/** Where the program finds its packages although HOME is another. */
function cacheOfDeno(): Record<string, string> {
  const home = Deno.env.get("HOME");
  const caches = Deno.build.os === "darwin" ? `${home}/Library/Caches` : `${home}/.cache`;
  const ownCaches = Deno.env.get("XDG_CACHE_HOME") || caches;
  return { DENO_DIR: Deno.env.get("DENO_DIR") || `${ownCaches}/deno` };
}

/** How a shell is told to end at the first command that fails; fish has nothing like it. */
function strict(language: string): readonly string[] {
  return language === "fish" ? [] : ["-e"];
}

async function runScript(
  where: Place,
  place: string,
  shell: string,
  args: readonly string[],
): Promise<void> {
  const { exitCode, stderr, ended } = start(where, shell, args);
  const code = await exitCode;
  // What it leaves behind would hold its output open.
  const left = await marked(where.marker);
  for (const pid of left) Deno.kill(pid, "SIGKILL");
  await ended();
  assert.deepEqual(left, [], `${place} leaves processes behind`);
  assert.equal(code, 0, `${place}: ${stderr.text}`);
}

/** A command of a `console` block and what it prints. */
interface Step {
  readonly command: string;
  readonly printed: string;
}

async function runConsole(
  where: Place,
  place: string,
  text: string,
  shell: string,
  skipped: (command: string) => boolean,
): Promise<void> {
  const all = steps(text);
  const shown = all.find(startsServer);
  if (shown) assert.match(shown.printed, STARTED, `${place}: no start line`);
  const serving = shown ?? { command: `./usersvc serve --port ${where.port}`, printed: "" };
  const before = shown === undefined ? [] : all.slice(0, all.indexOf(shown));
  for (const step of before) await runStep(where, place, step, shell, skipped);
  const { stdout, kill, ended } = start(where, shell, ["-c", `exec 2>&1\nexec ${serving.command}`]);
  try {
    await stdout.until(STARTED);
    for (const step of all.filter((step) => step !== serving && !before.includes(step))) {
      await runStep(where, place, step, shell, skipped);
    }
  } finally {
    kill("SIGTERM");
    await ended();
  }
  const expected = comparable(serving.printed);
  assert.equal(comparable(stdout.text).slice(0, expected.length), expected, place);
}

async function runStep(
  where: Place,
  place: string,
  { command, printed }: Step,
  shell: string,
  skipped: (command: string) => boolean,
): Promise<void> {
  if (skipped(command)) return;
  const { code, stdout } = await start(where, shell, ["-c", `exec 2>&1\n${command}`]).ended();
  assert.deepEqual(
    { code, printed: comparable(stdout) },
    { code: 0, printed: comparable(printed) },
    `${place}: ${command}`,
  );
}

/** A script of the commands of a `console` block but its server, which each may fail. */
export function withoutServer({ place, text }: Recipe): Recipe {
  const commands = steps(text).filter((step) => !startsServer(step));
  const script = commands.map(({ command }) => `(${command}\n) || true\n`).join("");
  return { place, language: "sh", text: script };
}

function startsServer({ command }: Step): boolean {
  return /^\S*usersvc serve\b/.test(command);
}

/** Replaces what differs from run to run: the times and peers of a log, the times of frames. */
function comparable(text: string): string {
  return text
    .replaceAll(/"((?:grpc\.start_)?time)":"[\d-]+T[\d:.]+Z"/g, '"$1":"…"')
    .replaceAll(/^(#\d [<>*]) +\d+\.\d ms /gm, "$1 … ms ")
    .replaceAll(/"(grpc\.time(?:out)?_ms)":[\d.]+/g, '"$1":…')
    .replaceAll(/"peer":"(?:127\.0\.0\.1|\[::1\]):\d+"/g, '"peer":"…"');
}

/** Takes a `console` block apart. A command goes on after a backslash at the end of its line. */
function steps(text: string): Step[] {
  return text.split(/^\$ /m).slice(1).map((step) => {
    const [, command, printed] = /^((?:.*\\\n)*.*\n)([^]*)$/.exec(step)!;
    // An empty line parts the commands.
    return {
      command: command!.trimEnd(),
      printed: printed!.replace(/\n+$/, "\n").replace(/^\n$/, ""),
    };
  });
}

function start({ folder, env, marker }: Place, program: string, args: readonly string[]): Running {
  return startIn([program], args, {
    cwd: folder,
    env: { ...env, RECIPE: marker },
    // No recipe takes so long: it waits for something that does not come.
    signal: AbortSignal.timeout(120_000),
  });
}

/** The processes in whose environment a text is; only Linux tells of them. */
export async function marked(text: string): Promise<number[]> {
  if (Deno.build.os !== "linux") return [];
  const pids: number[] = [];
  for await (const { name } of Deno.readDir("/proc")) {
    const environment = await Deno.readTextFile(`/proc/${name}/environ`).catch(() => "");
    if (/^\d+$/.test(name) && environment.includes(text)) pids.push(Number(name));
  }
  return pids;
}
