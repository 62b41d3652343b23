import { ExitCode } from "./cli/exit_code.ts";
import type { Command } from "./cli/command.ts";
import { readCommandLine } from "./cli/command_line.ts";
import { commandHelp, PROGRAM_FLAGS, programHelp } from "./cli/help.ts";
import { didYouMean } from "./cli/suggestions.ts";
import { OutputError, writeAll, writeError } from "./cli/output.ts";
import { procMissing } from "./workarounds/missing_proc.ts";
import { giveUpRunning } from "./cli/permissions.ts";
import { splitFlag, switchFault } from "./cli/spell_out.ts";
import { UsageError } from "./cli/usage_error.ts";
import { commands, loadCommands } from "./commands/list.ts";
import { excerpt } from "./cli/escape.ts";
import { TlsError } from "./contract/tls_error.ts";
import { versionLine } from "./commands/version.ts";

/**
 * Runs usersvc.
 *
 * @param args the command line after the program's name
 * @returns the exit code; see {@linkcode ExitCode}
 */
export async function main(args: readonly string[]): Promise<number> {
  const [first, ...rest] = args;
  const name = first !== undefined && Object.hasOwn(commands, first) ? ` ${first}` : "";
  try {
    return await dispatch(first, rest);
  } catch (error) {
    if (error instanceof UsageError) {
      writeError(`usersvc${name}: ${error.message}; see usersvc${name} --help`);
      return name === "" ? ExitCode.USAGE : (await load(first!)).usageExitCode ?? ExitCode.USAGE;
    }
    if (error instanceof OutputError || error instanceof TlsError) {
      writeError(`usersvc${name}: ${error.message}`);
      return ExitCode.FAILURE;
    }
    throw error;
  }
}

/** The commands that open connections. */
const CONNECTING = ["serve", "call", "check"];

async function dispatch(
  first: string | undefined,
  rest: readonly string[],
): Promise<number> {
  switch (first?.startsWith("-") ? programFlag(first) : first) {
    case "--version":
      return await show(rest, () => versionLine() + "\n");
    case undefined:
    case "--help":
      return await show(rest, programHelpText);
    case "help":
      return await help(rest);
    default: {
      const command = await load(first!);
      const request = await readCommandLine(command, rest);
      if (request.help) return await show([], () => commandHelp(command));
      const missing = CONNECTING.includes(first!) ? procMissing() : undefined;
      if (missing === undefined) return await command.run(request.flags, request.operands);
      writeError(`usersvc ${first}: ${missing}`);
      return ExitCode.FAILURE;
    }
  }
}

/** The long name of a flag of the program, `--help`; what was typed if it is none. */
function programFlag(arg: string): string {
  const { name, typed, text } = splitFlag(arg, PROGRAM_FLAGS);
  if (name === undefined) return arg;
  const fault = switchFault(typed, text);
  if (fault !== undefined) throw fault;
  return `--${name}`;
}

/** Leaves out what is switched off before the command: `--version=false`. */
function withoutSwitchedOff(args: readonly string[]): readonly string[] {
  const first = args.findIndex((arg) => {
    const { name, text } = splitFlag(arg, PROGRAM_FLAGS);
    return name === undefined || text !== "false";
  });
  return first === -1 ? [] : args.slice(first);
}

async function help(args: readonly string[]): Promise<number> {
  const [name, ...extra] = args;
  return name === undefined || ["help", "-h", "--help"].includes(name)
    ? await show(extra, programHelpText)
    : await show(extra, async () => commandHelp(await load(name)));
}

async function show(
  extra: readonly string[],
  text: () => string | Promise<string>,
): Promise<number> {
  if (extra[0] !== undefined) {
    throw new UsageError(`unexpected argument "${excerpt(extra[0])}"`);
  }
  await writeAll(Deno.stdout, await text());
  return ExitCode.OK;
}

async function programHelpText(): Promise<string> {
  return programHelp(await loadCommands());
}

async function load(name: string): Promise<Command> {
  const loader = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (loader) return (await loader()).command;
  if (name.startsWith("-")) {
    throw new UsageError(
      `unknown flag ${excerpt(name)}; the flags of a command follow its name`,
    );
  }
  const hint = await didYouMean(name, [...Object.keys(commands), "help"]);
  throw new UsageError(`unknown command "${excerpt(name)}"${hint}`);
}

/** Runs the program, or one of its workers where a supervisor has started this process. */
async function start(): Promise<number> {
  const task = Deno.env.get("USERSVC_WORKER");
  const args = withoutSwitchedOff(Deno.args);
  // Only a supervisor starts processes, and `serve` decides whether it is one.
  if (task !== undefined || args[0] !== "serve") giveUpRunning();
  if (task === undefined) return await main(args);
  const { serveAsWorker } = await import("./processes/worker.ts");
  return await serveAsWorker(task);
}

if (import.meta.main) Deno.exit(await start());
