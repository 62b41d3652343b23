import assert from "node:assert/strict";
import { bashScript } from "../../src/commands/completions/bash.ts";
import { entriesOf } from "../../src/commands/completions/entries.ts";
import * as odd from "../support/odd_command.ts";
import { program } from "../../src/main.ts";
import { linuxTest, posixTest, shell, usersvc, withFolder } from "../support/program.ts";
import { withTerminal } from "../support/terminal.ts";

/** Gives a test a file with a completion script, by default that of usersvc for bash. */
async function withScript(
  use: (file: string, folder: string) => Promise<void>,
  text?: string,
): Promise<void> {
  await withFolder(async (folder) => {
    const { code, stdout, stderr } = await usersvc(["completions", "bash"]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    await Deno.writeTextFile(`${folder}/script`, text ?? stdout);
    await use(`${folder}/script`, folder);
  });
}

/** What bash offers for each command line, whose last word is the one to complete. */
async function complete(script: string, lines: readonly string[][]): Promise<string[][]> {
  const quote = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
  const { code, stdout, stderr } = await shell(`
    source ${quote(script)}
    complete -p usersvc >&2
    offer() {
      COMP_WORDS=(usersvc "$@") COMP_CWORD=$#
      _usersvc usersvc
      echo "\${COMPREPLY[*]-}"
    }
    ${lines.map((words) => `offer ${words.map(quote).join(" ")}`).join("\n")}
  `);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "complete -F _usersvc usersvc\n" });
  return stdout.trimEnd().split("\n").map((line) => line.split(" ").filter((word) => word !== ""));
}

const commands = ["serve", "call", "check", "gauntlet", "proto", "schema", "completions"];

posixTest("bash completes commands, flags and values", () =>
  withScript(async (script) => {
    const expected: [words: string[], offered: string[]][] = [
      [[""], [...commands, "help"]],
      [["c"], ["call", "check", "completions"]],
      [["-"], ["--help", "--version"]],
      [["serve", "--lo"], ["--log", "--log-metadata"]],
      [["serve", "--log", ""], ["text", "json", "none"]],
      [["serve", "--log", "="], ["text", "json", "none"]],
      [["serve", "--log", "=", "j"], ["json"]],
      [["serve", "--workers", ""], ["auto"]],
      [["serve", "--fail", "UNA"], ["UNAVAILABLE", "UNAUTHENTICATED"]],
      [["serve", "--port", ""], []],
      [["call", "--", "--"], []],
      [["serve", "--", "sh", "-"], []],
      [["completions", ""], ["bash", "zsh", "fish"]],
      [["completions", "bash", ""], ["--help"]],
      [["help", ""], commands],
      [["help", "-"], ["--help"]],
      [["nothing", "--"], []],
      [["serve", "--tls-cert", `${script.slice(0, -1)}`], [script]],
    ];
    assert.deepEqual(
      await complete(script, expected.map(([words]) => words)),
      expected.map(([, offered]) => offered),
    );
  }));

posixTest("bash completes exactly the flags that help shows", () =>
  withScript(async (script) => {
    const offered = await complete(script, commands.map((name) => [name, "--"]));
    const shown = await Promise.all(commands.map(async (name) => {
      const { stdout } = await usersvc(["help", name]);
      return [...stdout.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, flag]) => flag);
    }));
    assert.deepEqual(offered, shown);
  }));

posixTest(
  "no declaration can break out of the script for bash",
  () =>
    withScript(async (script) => {
      const lines = [["odd", "--value", ""], ["odd", ""]];
      assert.deepEqual(await complete(script, lines), [odd.words, odd.words]);
    }, bashScript(entriesOf(program, [odd.command]))),
);

linuxTest(
  "bash on a terminal completes a word, and paths with their quotes",
  () =>
    withScript(async (script, folder) => {
      await Deno.writeTextFile(`${folder}/a key's.pem`, "");
      // What readline has made of the line is what the command gets.
      const setUp = "usersvc() { printf '<%s>' \"$@\"; echo .; }; PS1='ready> '; " +
        `cd '${folder}'; source '${script}'`;
      await withTerminal("bash --norc --noprofile", async ({ type, screen }) => {
        await type(`${setUp}\n`);
        await screen.until(/\nready> $/);
        await type("usersvc comp\tba\t\n");
        await screen.until(/<completions><bash>\.\r?\n/);
        await type("usersvc serve --tls-c\tert a\t--log=j\t\n");
        await screen.until(/<serve><--tls-cert><a key's\.pem><--log=json>\.\r?\n/);
      });
    }),
);
