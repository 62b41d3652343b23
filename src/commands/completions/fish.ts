import { type Flags, takesValue, type ValueFlag } from "../../cli/command.ts";
import { type Entries, type Entry, takesPath } from "./entries.ts";

/**
 * Makes the completion script for fish.
 *
 * @see https://fishshell.com/docs/current/completions.html
 */
export function fishScript({ flags, commands }: Entries): string {
  return `# Completion of usersvc for fish. Made by: usersvc completions fish
function __usersvc_count --description 'How many words there are before the current one'
    test (count (commandline -opc)) -eq $argv[1]
end

function __usersvc_runs --description 'Whether this is the command'
    set -l words (commandline -opc)
    test "$words[2]" = $argv[1]
end

complete -c usersvc -f
${flagLines("__usersvc_count 1", flags)}${commands.map(commandLines).join("")}`;
}

function commandLines({ name, summary, operands, flags }: Entry): string {
  const runs = `__usersvc_runs ${name}`;
  const operand = operands[0]?.suggestions;
  return `
${completeLine("__usersvc_count 1", ["-a", name, "-d", summary])}${flagLines(runs, flags)}${
    operand === undefined
      ? ""
      : completeLine(`${runs}; and __usersvc_count 2`, ["-a", words(operand)])
  }`;
}

function flagLines(condition: string, flags: Flags): string {
  return Object.entries(flags).map(([name, flag]) => {
    const short = flag.short === undefined ? [] : ["-s", flag.short];
    const value = takesValue(flag) ? valueOptions(flag) : [];
    return completeLine(condition, ["-l", name, ...short, ...value, "-d", flag.help]);
  }).join("");
}

function valueOptions(flag: ValueFlag<unknown>): string[] {
  if (takesPath(flag)) return ["-r", "-F"];
  return ["-x", ...(flag.suggestions === undefined ? [] : ["-a", words(flag.suggestions)])];
}

function completeLine(condition: string, options: readonly string[]): string {
  return `complete -c usersvc -n ${quote(condition)} ${options.map(quote).join(" ")}\n`;
}

/** The argument of -a, which fish reads once more as a list of words. */
function words(suggestions: readonly string[]): string {
  return suggestions.map(quote).join(" ");
}

/** A word of fish that stands for exactly this text. */
function quote(text: string): string {
  return /^[\w./:-]+$/.test(text) ? text : `'${text.replace(/[\\']/g, "\\$&")}'`;
}
