/** The files that a server reads again at SIGHUP. */
import type { Notice } from "../contract/events.ts";
import type { RunningServer, ServerOptions } from "../server/server.ts";
import { ExpectedError } from "../text/errors.ts";

/** The files of TLS, or the file of answers. */
export type ReloadedFiles = "tls" | "answers";

/** The files in words, and what uses them. */
export const RELOADED = {
  tls: { files: "TLS files", use: "new connections", stay: "stay" },
  answers: { files: "file of answers", use: "new calls", stay: "stays" },
} as const;

/** The files that a server has. */
function filesOf({ tls, faults }: ServerOptions): ReloadedFiles[] {
  return [
    ...(tls === undefined ? [] : ["tls"] as const),
    ...(faults.answers === undefined ? [] : ["answers"] as const),
  ];
}

/** Whether a server reads files again at SIGHUP; on Windows it means that the console is closing. */
export function reloadsOnSighup(options: ServerOptions): boolean {
  return Deno.build.os !== "windows" && filesOf(options).length > 0;
}

/**
 * Reloads the files of a server on each SIGHUP, if it has any, and reports how that went.
 *
 * @param reload reads files again; returns what did not go well, each in one line
 * @param report takes the reports
 */
export function reloadOnSighup(
  options: ServerOptions,
  reload: (what: ReloadedFiles) => Promise<readonly string[]>,
  report: (notice: Notice) => void,
): void {
  if (!reloadsOnSighup(options)) return;
  Deno.addSignalListener("SIGHUP", async () => {
    for (const what of filesOf(options)) {
      const faults = await reload(what);
      if (faults.length === 0) report(reloaded(what));
      for (const fault of faults) report(reloadFailed(what, fault));
    }
  });
}

/**
 * Reads files again, for the connections or calls to come.
 *
 * @returns why the old ones stay in use; null if the new ones are
 */
export async function reloadFiles(
  server: RunningServer,
  what: ReloadedFiles,
): Promise<string | null> {
  try {
    await (what === "tls" ? server.reloadTls() : server.reloadAnswers());
    return null;
  } catch (error) {
    if (!(error instanceof ExpectedError)) throw error;
    const { files, stay } = RELOADED[what];
    return `the old ${files} ${stay} in use: ${error.message}`;
  }
}

/**
 * Files were read again.
 *
 * @param of whose calls or connections use them, ` of worker 1`; by default those of the whole server
 */
export function reloaded(what: ReloadedFiles, of = ""): Notice {
  const { files, use } = RELOADED[what];
  return {
    level: "info",
    event: `${what}_reloaded`,
    message: `SIGHUP: ${use}${of} use the new ${files}`,
  };
}

/** Files could not be read again. */
export function reloadFailed(what: ReloadedFiles, why: string): Notice {
  return { level: "error", event: `${what}_reload_failed`, message: `SIGHUP: ${why}` };
}
