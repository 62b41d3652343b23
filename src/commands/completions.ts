import { defineCommand, UsageError } from "../cli/command.ts";
import { ExitCode } from "../cli/exit.ts";
import { writeAll } from "../cli/output.ts";
import type { Entries } from "./completions/entries.ts";
import { excerpt } from "../text/escape.ts";

const scripts: Readonly<Record<string, () => Promise<(entries: Entries) => string>>> = {
  bash: async () => (await import("./completions/bash.ts")).bashScript,
  zsh: async () => (await import("./completions/zsh.ts")).zshScript,
  fish: async () => (await import("./completions/fish.ts")).fishScript,
};

export const command = defineCommand({
  name: "completions",
  summary: "Print a completion script for a shell",
  operands: [{
    name: "SHELL",
    help: "bash, zsh or fish",
    suggestions: Object.keys(scripts),
  }],
  flags: {},
  examples: [
    {
      command: "usersvc completions bash > ~/.local/share/bash-completion/completions/usersvc",
      does: "Install it for bash (with the package bash-completion)",
    },
    {
      command: "usersvc completions zsh > ~/.zfunc/_usersvc",
      does: "Install it for zsh (with ~/.zfunc in fpath, compinit in ~/.zshrc)",
    },
    {
      command: "usersvc completions fish > ~/.config/fish/completions/usersvc.fish",
      does: "Install it for fish",
    },
  ],
  run: async (_, [shell], program) => {
    const load = Object.hasOwn(scripts, shell!) ? scripts[shell!] : undefined;
    if (!load) throw new UsageError(`SHELL expects bash, zsh or fish, not "${excerpt(shell!)}"`);
    const { loadCommands } = await import("../cli/help.ts");
    const { entriesOf } = await import("./completions/entries.ts");
    const script = await load();
    await writeAll(Deno.stdout, script(entriesOf(program, await loadCommands(program))));
    return ExitCode.OK;
  },
});
