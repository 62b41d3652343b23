/**
 * Writes the flags and examples of each command into docs/commands.md, from the declarations that
 * `--help` is made from.
 *
 * They stand between `<!-- flags of NAME -->`, or `<!-- examples of NAME -->`, and `<!-- end -->`;
 * the rest of the page is written by hand. `deno task docs --check` changes nothing and fails if
 * they are not current.
 */
import {
  type Command,
  type Example,
  type Flag,
  type Flags,
  furtherHelp,
  groupsOf,
  takesValue,
} from "../src/cli/command.ts";
import { loadCommands } from "../src/cli/help.ts";
import { program } from "../src/main.ts";
import { root } from "./paths.ts";
import { deno } from "./programs.ts";

const DOCUMENT = "docs/commands.md";

const GENERATED = /^(<!-- (flags|examples) of ([a-z]+) -->\n)[^]*?^(<!-- end -->)$/gm;

/**
 * Puts flags and examples into a page.
 *
 * @throws {Error} if it names a command that is not there, or leaves out the flags or the examples
 * of one that has some
 */
export function withDeclarations(page: string, commands: readonly Command[]): string {
  const missing = new Set(commands.flatMap(({ name, flags, examples }) => [
    ...(Object.keys(flags).length === 0 ? [] : [`flags of ${name}`]),
    ...(examples.length === 0 ? [] : [`examples of ${name}`]),
  ]));
  const text = page.replace(GENERATED, (_, begin: string, kind: string, name: string, end) => {
    const command = commands.find((command) => command.name === name);
    if (!command) throw new Error(`${DOCUMENT} names the command ${name}, which does not exist`);
    missing.delete(`${kind} of ${name}`);
    const rows = kind === "flags" ? flagTable(command.flags) : exampleTable(command.examples);
    return `${begin}\n${rows}\n${end}`;
  });
  const [first] = missing;
  if (first !== undefined) throw new Error(`${DOCUMENT} has no block "<!-- ${first} -->"`);
  return text;
}

function flagTable(flags: Flags): string {
  return table(
    ["Flag", "What it does", "Default", "Environment variable"],
    groupsOf(flags).flatMap(([heading, members]) => [
      [`**${heading}**`, "", "", ""],
      ...flagRows(members),
    ]),
  );
}

function flagRows(flags: Flags): string[][] {
  return Object.entries(flags).flatMap(([name, flag]) => [
    flagRow(name, flag),
    ...furtherHelp(flag).map(([spelling, help]) => [code(spelling), help, "", ""]),
  ]);
}

function flagRow(name: string, flag: Flag): string[] {
  const short = flag.short === undefined ? "" : `\`-${flag.short}\`, `;
  if (!takesValue(flag)) return [`${short}\`--${name}\``, flag.help, "", code(flag.env)];
  const preset = defaultOf(flag.default, flag.defaultNote);
  return [`${short}\`--${name} ${flag.value}\``, flag.help, preset, code(flag.env)];
}

/** A value as code, words as words. */
function defaultOf(value: string | undefined, note = ""): string {
  return /^[\d:]\S*$/.test(note) ? code(note) : value === undefined ? note : code(value);
}

function exampleTable(examples: readonly Example[]): string {
  return table(["Example", "What it does"], examples.map((one) => [code(one.command), one.does]));
}

function code(text: string | undefined): string {
  return text === undefined ? "" : `\`${text}\``;
}

/** A Markdown table without the columns that are empty in every row. */
function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const used = heads.flatMap((_, column) => rows.some((row) => row[column] !== "") ? [column] : []);
  const line = (cells: readonly string[]) =>
    `| ${used.map((column) => cells[column]!.replaceAll("|", "\\|")).join(" | ")} |\n`;
  return [line(heads), line(heads.map(() => "---")), ...rows.map(line)].join("");
}

/** Formats a page of Markdown as `deno fmt` does with the settings of deno.json. */
export async function formatMarkdown(page: string): Promise<string> {
  const { code, stdout, stderr } = await deno(["fmt", "--ext", "md", "-"], {}, page);
  if (code !== 0) throw new Error(`deno fmt failed: ${stderr}`);
  return stdout;
}

async function main(args: readonly string[]): Promise<number> {
  const check = args[0] === "--check";
  if (args.length > (check ? 1 : 0)) {
    console.error("usage: deno task docs [--check]");
    return 2;
  }
  const page = await Deno.readTextFile(root + DOCUMENT);
  const current = await formatMarkdown(withDeclarations(page, await loadCommands(program)));
  if (page === current) return 0;
  if (check) {
    console.error(`docs: ${DOCUMENT} is not current; run: deno task docs`);
    return 1;
  }
  await Deno.writeTextFile(root + DOCUMENT, current);
  return 0;
}

if (import.meta.main) Deno.exit(await main(Deno.args));
