import {
  type Command,
  type Example,
  type Flags,
  furtherHelp,
  groupsOf,
  type Operand,
  type Program,
  takesValue,
} from "./command.ts";

/** The flag of the program and of each command. */
export const HELP_FLAG = { short: "h", help: "Show this help" } as const;

/** The flags of the program itself. */
export function programFlags({ name }: Program): Flags {
  const version = { short: "V", help: `Show the version of ${name} and of its Deno` };
  return { help: HELP_FLAG, version };
}

/** The summary of the command `help`, which has no file of its own. */
export const HELP_SUMMARY = "Show the help of a command";

/** The help of the whole program. */
export async function programHelp(program: Program): Promise<string> {
  const commands = await loadCommands(program);
  return [
    `${program.name} - ${program.summary}`,
    "",
    `Usage: ${program.name} COMMAND [flags]`,
    "",
    section("Commands", [
      ...commands.map((command): Row => [command.name, command.summary]),
      ["help [COMMAND]", HELP_SUMMARY],
    ]),
    section("Flags", flagRows(programFlags(program))),
    exampleSection(program.examples),
  ].join("\n");
}

/** Loads all commands: only what shows all of them needs it. */
export async function loadCommands({ commands }: Program): Promise<Command[]> {
  const loaded = await Promise.all(Object.values(commands).map((load) => load()));
  return loaded.map(({ command }) => command);
}

/** The help of one command, made from its declarations alone. */
export function commandHelp({ name }: Program, command: Command): string {
  const usage = (after: boolean) =>
    command.operands.filter(({ afterDashes = false }) => afterDashes === after)
      .map((operand) => ` ${operandUsage(operand)}`).join("");
  return [
    command.summary + ".",
    "",
    `Usage: ${name} ${command.name}${usage(false)} [flags]${usage(true)}`,
    "",
    ...(command.details === undefined ? [] : [command.details, ""]),
    ...(command.operands.length === 0 ? [] : [
      section("Arguments", command.operands.map(({ name, help }): Row => [name, help])),
    ]),
    ...groupsOf({ ...command.flags, help: HELP_FLAG })
      .map(([heading, flags]) => section(heading, flagRows(flags))),
    exampleSection(command.examples),
  ].join("\n");
}

function operandUsage({ name, optional, repeats, afterDashes }: Operand): string {
  const text = `${afterDashes ? "-- " : ""}${name}${repeats ? "..." : ""}`;
  return optional ? `[${text}]` : text;
}

type Row = readonly [name: string, ...lines: string[]];

function flagRows(flags: Flags): Row[] {
  return Object.entries(flags).map(([name, flag]): Row => {
    const usage = takesValue(flag) ? `--${name} ${flag.value}` : `--${name}`;
    const preset = takesValue(flag) ? flag.default ?? flag.defaultNote : undefined;
    const notes = [
      ...(preset === undefined ? [] : [`default: ${preset}`]),
      ...(flag.env === undefined ? [] : [`environment: ${flag.env}`]),
    ];
    const note = notes.length === 0 ? [] : [`(${notes.join("; ")})`];
    const spelled = flag.short === undefined ? usage : `-${flag.short}, ${usage}`;
    const further = furtherHelp(flag).map(([spelling, help]) => `${spelling}: ${help}`);
    return [spelled, flag.help, ...further, ...note];
  });
}

/** Longer names are on a line of their own. */
const MAX_COLUMN = 24;

function section(title: string, rows: readonly Row[]): string {
  const short = rows.map(([name]) => name.length).filter((length) => length <= MAX_COLUMN);
  const width = Math.max(0, ...short);
  const lines = rows.flatMap(([name, ...texts]) => {
    const [first, rest] = name.length <= width ? [name, []] : ["", [`  ${name}\n`]];
    const column = (line: number) => (line === 0 ? first : "").padEnd(width);
    return [...rest, ...texts.map((text, line) => `  ${column(line)}  ${text}\n`)];
  });
  return `${title}:\n${lines.join("")}`;
}

function exampleSection(examples: readonly Example[]): string {
  return section("Examples", examples.map(({ command, does }): Row => [command, does]));
}
