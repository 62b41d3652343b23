import {
  type Flag,
  type Flags,
  isCounted,
  type Operand,
  takesValue,
  type ValueFlag,
} from "../../cli/command.ts";
import { shellWord } from "../../text/escape.ts";
import { type Entries, type Entry, takesPath } from "./entries.ts";

/**
 * Makes the completion script for zsh, which can be sourced or put into `$fpath` as `_usersvc`.
 *
 * @see https://zsh.sourceforge.io/Doc/Release/Completion-System.html
 */
export function zshScript({ flags, commands }: Entries): string {
  const described = commands.map(({ name, summary }) =>
    `        ${shellWord(`${escape(name, ":")}:${escape(summary, ":")}`)}\n`
  );
  return `#compdef usersvc
# Completion of usersvc for zsh. Made by: usersvc completions zsh
_usersvc() {
  local curcontext=$curcontext context state state_descr line
  local -a commands
  typeset -A opt_args
  _arguments -C -A '-*' \\
${flagSpecs(flags).map(specLine).join("")}    '1:command:->command' \\
    '*::argument:->argument'
  case $state in
    command)
      commands=(
${described.join("")}      )
      _describe command commands
      ;;
    argument)
      case $line[1] in
${commands.map(commandCase).join("")}      esac
      ;;
  esac
}

compdef _usersvc usersvc
# Loaded from $fpath, this file is the function itself.
if [[ $funcstack[1] == _usersvc ]]; then _usersvc "$@"; fi
`;
}

function commandCase({ name, flags, operands }: Entry): string {
  const specs = [...flagSpecs(flags), ...operands.map(operandSpec)];
  return `        ${shellWord(name)})
          _arguments -S \\
${specs.map((spec) => "        " + specLine(spec)).join("").replace(/ \\\n$/, "\n")}          ;;
`;
}

function specLine(spec: string): string {
  return `    ${shellWord(spec)} \\\n`;
}

function flagSpecs(flags: Flags): string[] {
  return Object.entries(flags).flatMap(([name, flag]) => {
    const help = `[${escape(flag.help, "]")}]`;
    const value = takesValue(flag) ? valueSpec(flag) : "";
    const long = `--${name}${takesValue(flag) ? "=" : ""}`;
    const names = [long, ...(flag.short === undefined ? [] : [`-${flag.short}`])];
    return names.map((spelling) => `${exclusion(name, flag)}${spelling}${help}${value}`);
  });
}

/** Which spellings are no longer offered once the flag is given; `*` if it repeats. */
function exclusion(name: string, flag: Flag): string {
  if (takesValue(flag) && flag.repeats || isCounted(flag)) return "*";
  return flag.short === undefined ? "" : `(--${name} -${flag.short})`;
}

function valueSpec(flag: ValueFlag<unknown>): string {
  const action = takesPath(flag) ? "_files" : suggestionAction(flag.suggestions);
  return `:${escape(flag.value, ":")}:${action}`;
}

function operandSpec({ name, repeats, suggestions }: Operand, index: number): string {
  return `${repeats ? "*" : index + 1}:${escape(name, ":")}:${suggestionAction(suggestions)}`;
}

/** What _arguments offers for a value: the suggestions, or with a space only a description. */
function suggestionAction(suggestions: readonly string[] | undefined): string {
  return suggestions === undefined
    ? " "
    : `(${suggestions.map(shellWord).join(" ").replaceAll(":", "\\:")})`;
}

function escape(text: string, special: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll(special, `\\${special}`);
}
