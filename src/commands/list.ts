import type { Command } from "../cli/command.ts";

/** The commands by their names, in the order of help. Each is loaded only when it is needed. */
export const commands: Readonly<Record<string, () => Promise<{ command: Command }>>> = {
  serve: () => import("./serve.ts"),
  call: () => import("./call.ts"),
  check: () => import("./check.ts"),
  proto: () => import("./proto.ts"),
  completions: () => import("./completions.ts"),
};

/** Loads all commands, for what shows all of them. */
export async function loadCommands(): Promise<Command[]> {
  const loaded = await Promise.all(Object.values(commands).map((load) => load()));
  return loaded.map(({ command }) => command);
}
