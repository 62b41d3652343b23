import {
  type Command,
  type Flags,
  groupsOf,
  type Program,
  type ValueFlag,
} from "../../cli/command.ts";
import { HELP_FLAG, HELP_SUMMARY, programFlags } from "../../cli/help.ts";

/** What a completion script has to know of a command. */
export type Entry = Pick<Command, "name" | "summary" | "operands" | "flags">;

/** What a completion script has to know of the program. */
export interface Entries {
  /** The flags of the program itself. */
  readonly flags: Flags;
  /** Every command, `help` included. */
  readonly commands: readonly Entry[];
}

/** Collects what completion scripts are made from: the declarations that help is made from. */
export function entriesOf(program: Program, commands: readonly Command[]): Entries {
  const help: Entry = {
    name: "help",
    summary: HELP_SUMMARY,
    operands: [{
      name: "COMMAND",
      help: HELP_SUMMARY,
      optional: true,
      suggestions: commands.map(({ name }) => name),
    }],
    flags: {},
  };
  return {
    flags: programFlags(program),
    commands: [...commands, help].map((entry) => ({
      ...entry,
      // What follows `--` belongs to another program.
      operands: entry.operands.filter(({ afterDashes }) => !afterDashes),
      flags: inGroups({ ...entry.flags, help: HELP_FLAG }),
    })),
  };
}

/** The flags in the order in which help has them. */
function inGroups(flags: Flags): Flags {
  return Object.assign({}, ...groupsOf(flags).map(([, members]) => members));
}

/** Whether a flag takes the path of a file. */
export function takesPath({ value }: ValueFlag<unknown>): boolean {
  return value === "FILE" || value === "PATH";
}
