/** Sources the completion scripts in zsh and fish. */
import assert from "node:assert/strict";
import { entriesOf } from "../../src/commands/completions/entries.ts";
import { program } from "../../src/main.ts";
import { fishScript } from "../../src/commands/completions/fish.ts";
import { zshScript } from "../../src/commands/completions/zsh.ts";
import * as odd from "../support/odd_command.ts";
import { linuxTest, usersvc, withFolder } from "../support/program.ts";
import { withTerminal } from "../support/terminal.ts";
import { fish, zsh, zshEnvironment } from "./shells.ts";

/** Gives a test a folder with a completion script, named as zsh wants it. */
async function withScript(text: string, use: (folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/_usersvc`, text);
    await Deno.writeTextFile(`${folder}/a key's.pem`, "");
    await use(folder);
  });
}

async function printedScript(shell: string): Promise<string> {
  const { code, stdout, stderr } = await usersvc(["completions", shell]);
  assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
  return stdout;
}

/** What fish offers at the end of a line, with what it says of it. */
async function offeredByFish(folder: string, line: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(await fish(), {
    args: ["--no-config", "-c", "source _usersvc; complete -C $argv[1]", line],
    cwd: folder,
    env: { HOME: folder },
  }).output();
  assert.deepEqual([code, new TextDecoder().decode(stderr)], [0, ""], line);
  return new TextDecoder().decode(stdout);
}

linuxTest("fish completes commands, flags with their help, values and paths", async () => {
  const log = "text, json (an object per line), none (only warnings)";
  const expected: [line: string, offered: string][] = [
    ["usersvc ch", "check\tAsk a server for its health\n"],
    ["usersvc --v", "--version\tShow the version of usersvc and of its Deno\n"],
    ["usersvc serve --tls-k", "--tls-key\tThe private key of the certificate (PEM)\n"],
    ["usersvc serve --log j", `json\t${log}\n`],
    ["usersvc serve --log=j", `--log=json\t${log}\n`],
    ["usersvc serve --port ", ""],
    ["usersvc serve --tls-key a", "a key's.pem\n"],
    ["usersvc call ", ""],
    ["usersvc call serve --lo", ""],
    ["usersvc call -- --", ""],
    ["usersvc completions ", "bash\nfish\nzsh\n"],
    ["usersvc completions bash ", ""],
    ["usersvc help ch", "check\n"],
  ];
  await withScript(await printedScript("fish"), async (folder) => {
    for (const [line, offered] of expected) {
      assert.equal(await offeredByFish(folder, line), offered, line);
    }
  });
});

linuxTest(
  "no declaration can break out of the script for fish",
  () =>
    withScript(fishScript(entriesOf(program, [odd.command])), async (folder) => {
      assert.equal(await offeredByFish(folder, "usersvc o"), `odd\t${odd.help}\n`);
      assert.equal(await offeredByFish(folder, "usersvc odd --v"), `--value\t${odd.help}\n`);
      assert.deepEqual(
        (await offeredByFish(folder, "usersvc odd ")).trimEnd().split("\n").sort(),
        [...odd.words].sort(),
      );
    }),
);

/**
 * Types lines into zsh, each with a tab, and waits for what it shows: what it offers, or the
 * arguments that the completed line has given to usersvc.
 */
async function typeIntoZsh(
  folder: string,
  load: "source" | "fpath",
  lines: readonly [line: string, shown: RegExp][],
): Promise<void> {
  const environment = { ZDOTDIR: folder, HOME: folder };
  await Deno.writeTextFile(`${folder}/.zshenv`, zshEnvironment);
  await Deno.writeTextFile(
    `${folder}/.zshrc`,
    `
      usersvc() { printf '<%s>' "$@"; echo . }
      PS1='ready> ' LISTMAX=1000
      zstyle ':completion:*' format 'expected: %d'
      bindkey -e
      # What it writes would follow the prompt.
      unset zle_bracketed_paste
      cd ${folder}
      ${load === "fpath" ? "fpath=($PWD $fpath)" : ""}
      autoload -U compinit && compinit -D -u
      ${load === "source" ? "source ./_usersvc" : ""}
    `,
  );
  await withTerminal(`${await zsh()} -d -i`, async ({ type, screen }) => {
    for (const [line, shown] of lines) {
      await screen.until(/ready> $/);
      await type(`${line}\n`);
      await screen.until(shown);
    }
  }, environment);
}

for (const load of ["source", "fpath"] as const) {
  linuxTest(
    `zsh completes commands, flags with their help, values and paths (${load})`,
    async () =>
      await withScript(await printedScript("zsh"), (folder) =>
        typeIntoZsh(folder, load, [
          ["usersvc comp\tb\t", /<completions><bash>\./],
          ["usersvc serve --tls-ce\ta\t--log=j\t", /<--tls-cert=a key's\.pem><--log=json>\./],
          ["usersvc c\t", /check +-- Ask a server for its health/],
          ["usersvc serve --\t", /--tls-key +-- The private key of the certificate \(PEM\)/],
          ["usersvc serve --log \t", /json +none +text/],
          ["usersvc help \t", new RegExp(Object.keys(program.commands).toSorted().join(" +"))],
          ["usersvc serve --port \t", /expected: PORT/],
        ])),
  );
}

linuxTest(
  "no declaration can break out of the script for zsh",
  () =>
    withScript(zshScript(entriesOf(program, [odd.command])), (folder) => {
      const literally = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
      const help = literally(odd.help);
      return typeIntoZsh(folder, "source", [
        ["usersvc \t", new RegExp(`odd +-- ${help}`)],
        ["usersvc odd --\t", new RegExp(`--value +-- ${help}`)],
        ["usersvc odd --value \t", /expected: A:B\[C\]/],
        ["usersvc odd --value '$\t", /<odd><--value><\$\(id\)>\./],
        ["usersvc odd --value '[\t", /<odd><--value><\[c\]:d>\./],
        ["usersvc odd it\t", /<odd><it's>\./],
      ]);
    }),
);
