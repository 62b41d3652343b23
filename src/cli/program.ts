/** Runs a program that is declared as a value: its command line, help, errors and exit codes. */
import { type Command, type Program, UsageError } from "./command.ts";
import { didYouMean, readCommandLine } from "./command_line.ts";
import { ExpectedError } from "../text/errors.ts";
import { escapeControls, excerpt } from "../text/escape.ts";
import { ExitCode } from "./exit.ts";
import { commandHelp, programFlags, programHelp } from "./help.ts";
import { writeAll, writeError } from "./output.ts";
import { splitFlag, switchFault } from "./spell_out.ts";

/**
 * Runs a program. A wrong command line or an expected failure is reported in one line on stderr.
 *
 * @param args the command line after the program's name
 * @returns the exit code; see {@linkcode ExitCode}
 * @throws {Error} any other error: a fault of the program
 */
export async function runProgram(program: Program, args: readonly string[]): Promise<number> {
  let command: string | undefined;
  try {
    const [first, ...rest] = withoutSwitchedOff(program, args);
    if (first === undefined || !program.starters.includes(first)) giveUpRunning();
    if (first !== undefined && Object.hasOwn(program.commands, first)) command = first;
    return await dispatch(program, first, rest);
  } catch (error) {
    const typed = command === undefined ? program.name : `${program.name} ${command}`;
    if (error instanceof UsageError) {
      writeError(`${typed}: ${error.message}; see ${typed} --help`);
      if (command === undefined) return ExitCode.USAGE;
      return (await load(program, command)).usageExitCode ?? ExitCode.USAGE;
    }
    if (!(error instanceof ExpectedError)) throw error;
    // It may quote a path or a file.
    writeError(`${typed}: ${escapeControls(error.message)}`);
    return ExitCode.FAILURE;
  }
}

/**
 * Leaves out the flags before the command that are switched off, `--version=false`, and gives the one
 * that comes first its long name: `--help` for `-h`.
 *
 * @throws {UsageError} if that has a value that a switch cannot have
 */
function withoutSwitchedOff(program: Program, args: readonly string[]): readonly string[] {
  const flags = programFlags(program);
  for (const [at, arg] of args.entries()) {
    const { name, typed, text } = splitFlag(arg, flags);
    if (name === undefined) return args.slice(at);
    const fault = switchFault(typed, text, flags[name]!);
    if (fault !== undefined) throw fault;
    if (text !== "false") return [`--${name}`, ...args.slice(at + 1)];
  }
  return [];
}

async function dispatch(
  program: Program,
  first: string | undefined,
  rest: readonly string[],
): Promise<number> {
  switch (first) {
    case "--version":
      return await show(rest, () => program.version() + "\n");
    case undefined:
    case "--help":
      return await show(rest, () => programHelp(program));
    case "help":
      return await help(program, rest);
    default:
      return await runCommand(program, await load(program, first), rest);
  }
}

async function runCommand(
  program: Program,
  command: Command,
  args: readonly string[],
): Promise<number> {
  const request = await readCommandLine(command, args);
  if (request.help) return await show([], () => commandHelp(program, command));
  const obstacle = command.obstacle?.();
  if (obstacle !== undefined) throw new ExpectedError(obstacle);
  return await command.run(request.flags, request.operands, program);
}

async function help(program: Program, args: readonly string[]): Promise<number> {
  const [name, ...extra] = args;
  return name === undefined || ["help", "-h", "--help"].includes(name)
    ? await show(extra, () => programHelp(program))
    : await show(extra, async () => commandHelp(program, await load(program, name)));
}

async function show(
  extra: readonly string[],
  text: () => string | Promise<string>,
): Promise<number> {
  if (extra[0] !== undefined) throw new UsageError(`unexpected argument "${excerpt(extra[0])}"`);
  await writeAll(Deno.stdout, await text());
  return ExitCode.OK;
}

async function load({ commands }: Program, name: string): Promise<Command> {
  const loader = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (loader) return (await loader()).command;
  if (name.startsWith("-")) {
    throw new UsageError(`unknown flag ${excerpt(name)}; the flags of a command follow its name`);
  }
  const hint = await didYouMean(name, [...Object.keys(commands), "help"]);
  throw new UsageError(`unknown command "${excerpt(name)}"${hint}`);
}

/** Gives up the permission to run programs for good: a fault of this program can then start no other. */
export function giveUpRunning(): void {
  Deno.permissions.revokeSync({ name: "run" });
}
