import { type Flags, takesValue, type ValueFlag } from "../../cli/command.ts";
import { shellWord } from "../../text/escape.ts";
import { type Entries, type Entry, takesPath } from "./entries.ts";

/**
 * Makes the completion script for bash, 3.2 and up.
 *
 * @see https://www.gnu.org/software/bash/manual/html_node/Programmable-Completion.html
 */
export function bashScript({ flags, commands }: Entries): string {
  return `# Completion of usersvc for bash. Made by: usersvc completions bash
_usersvc() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]} word words IFS
  words=()
  COMPREPLY=()
  # bash makes three words of --flag=value.
  if [[ $current == '=' ]]; then current=''; fi
  if [[ $previous == '=' ]]; then previous=\${COMP_WORDS[COMP_CWORD - 2]}; fi
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD - 1}"; do
    # After --, everything is an operand.
    if [[ $word == -- ]]; then return; fi
  done
  if ((COMP_CWORD == 1)); then
    words=(${list(commands.map(({ name }) => name))})
    if [[ $current == -* ]]; then words=(${list(longNames(flags))}); fi
  else
    case "\${COMP_WORDS[1]} $previous" in
${commands.flatMap(valueCases).join("")}      *)
        case \${COMP_WORDS[1]} in
${commands.map(commandCase).join("")}        esac
        ;;
    esac
  fi
  for word in "\${words[@]}"; do
    if [[ $word == "$current"* ]]; then COMPREPLY+=("$word"); fi
  done
}

_usersvc_paths() {
  # With -o default readline completes and quotes the path; bash 3.2 has no compopt.
  compopt -o default 2>/dev/null && return
  IFS=$'\\n'
  COMPREPLY=($(compgen -f -- "$1"))
}

complete -F _usersvc usersvc
`;
}

function valueCases({ name, flags }: Entry): string[] {
  return Object.entries(flags).flatMap(([flagName, flag]) => {
    if (!takesValue(flag)) return [];
    const patterns = spellings(flagName, flag.short).map((spelling) =>
      shellWord(`${name} ${spelling}`)
    );
    return [`      ${patterns.join(" | ")}) ${valueAction(flag)} ;;\n`];
  });
}

function valueAction(flag: ValueFlag<unknown>): string {
  if (takesPath(flag)) return '_usersvc_paths "$current"; return';
  return flag.suggestions === undefined ? "return" : `words=(${list(flag.suggestions)})`;
}

function commandCase({ name, flags, operands }: Entry): string {
  const suggestions = operands[0]?.suggestions;
  const operand = suggestions === undefined
    ? ""
    : `if ((COMP_CWORD == 2)) && [[ $current != -* ]]; then words=(${list(suggestions)}); fi
            `;
  return `          ${shellWord(name)})
            words=(${list(longNames(flags))})
            ${operand};;
`;
}

function spellings(name: string, short: string | undefined): string[] {
  return [`--${name}`, ...(short === undefined ? [] : [`-${short}`])];
}

function longNames(flags: Flags): string[] {
  return Object.keys(flags).map((name) => `--${name}`);
}

function list(words: readonly string[]): string {
  return words.map(shellWord).join(" ");
}
