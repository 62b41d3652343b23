/** Sources the completion scripts in zsh and fish. */
import assert from "node:assert/strict";
import { linuxTest, usersvc } from "../program.ts";
import { withTerminal } from "../terminal.ts";
import { fish, zsh, zshEnvironment } from "./shells.ts";

/** Gives a test a folder with the completion script of a shell under a name. */
async function withScript(
  shell: string,
  name: string,
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "usersvc-completions-" });
  try {
    const { code, stdout, stderr } = await usersvc(["completions", shell]);
    assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    await Deno.writeTextFile(`${folder}/${name}`, stdout);
    await Deno.writeTextFile(`${folder}/a key's.pem`, "");
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

linuxTest(
  "fish completes commands, flags with their help, values and paths",
  () =>
    withScript("fish", "script", async (folder) => {
      const expected: [line: string, offered: string][] = [
        [
          "usersvc c",
          "call\tCall GetUser and print the greeting\n" +
          "check\tAsk a server for its health\ncompletions\tPrint a completion script for a shell\n",
        ],
        ["usersvc --v", "--version\tShow the version of usersvc and of its Deno\n"],
        ["usersvc serve --tls-k", "--tls-key\tThe certificate's private key (PEM)\n"],
        ["usersvc serve --log j", "json\ttext, json (one object a line) or none (warnings stay)\n"],
        [
          "usersvc serve --log=j",
          "--log=json\ttext, json (one object a line) or none (warnings stay)\n",
        ],
        ["usersvc serve --port ", ""],
        ["usersvc serve --tls-key a", "a key's.pem\n"],
        ["usersvc call ", ""],
        ["usersvc call serve --lo", ""],
        ["usersvc call -- --", ""],
        ["usersvc completions ", "bash\nfish\nzsh\n"],
        ["usersvc completions bash ", ""],
        ["usersvc help ch", "check\n"],
      ];
      const program = await fish();
      for (const [line, offered] of expected) {
        const { code, stdout, stderr } = await new Deno.Command(program, {
          args: ["--no-config", "-c", "source script; complete -C $argv[1]", line],
          cwd: folder,
          env: { HOME: folder },
        }).output();
        const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
        assert.deepEqual(
          { line, code, stdout: decode(stdout), stderr: decode(stderr) },
          { line, code: 0, stdout: offered, stderr: "" },
        );
      }
    }),
);

/** What a line that ends in a tab makes zsh show: the line as completed, or what it offers. */
const inZsh: [line: string, shown: RegExp][] = [
  ["usersvc comp\tb\t", /<completions><bash>\./],
  ["usersvc serve --tls-ce\t\ta\t--log=j\t", /<serve><--tls-cert=a key's\.pem><--log=json>\./],
  ["usersvc c\t", /check +-- Ask a server for its health/],
  [
    "usersvc serve --tls-k\t\x15usersvc serve --\t",
    /--tls-key +-- The certificate's private key \(PEM\)/,
  ],
  ["usersvc serve --log \t", /json +none +text/],
  ["usersvc help \t", /call +check +completions +proto +serve/],
  ["usersvc serve --port \t", /expected: PORT/],
];

for (const way of ["sourced", "in $fpath"]) {
  linuxTest(
    `zsh completes commands, flags with their help, values and paths, ${way}`,
    () =>
      withScript("zsh", "_usersvc", async (folder) => {
        await Deno.writeTextFile(`${folder}/.zshenv`, zshEnvironment);
        await Deno.writeTextFile(
          `${folder}/.zshrc`,
          `
        usersvc() { printf '<%s>' "$@"; echo . }
        PS1='ready> ' LISTMAX=1000
        cd ${folder}
        ${way === "sourced" ? "" : "fpath=($PWD $fpath)"}
        autoload -U compinit && compinit -D -u
        ${way === "sourced" ? "source ./_usersvc" : ""}
        zstyle ':completion:*' format 'expected: %d'
        bindkey -e
        # What it writes would follow the prompt.
        unset zle_bracketed_paste
        `,
        );
        await withTerminal(`${await zsh()} -d -i`, async ({ type, screen }) => {
          for (const [line, shown] of inZsh) {
            await screen.until(/ready> $/);
            await type(`${line}\n`);
            await screen.until(shown);
          }
        }, { ZDOTDIR: folder, HOME: folder });
      }),
  );
}
