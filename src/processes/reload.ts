import type { Log } from "../telemetry/log.ts";
import type { Notice } from "../server/events.ts";
import type { ServeOptions } from "./options.ts";
import { type Named, workerName } from "./worker_notices.ts";

/**
 * Has the TLS files read again on each SIGHUP, and tells the log. It is here, and not in
 * lifecycle.ts, because the supervisor does it too and may not load gRPC.
 *
 * @param reload reads the files again; returns what did not go well
 */
export function reloadOnSighup(
  { tls }: ServeOptions,
  log: Log,
  reload: () => Promise<Iterable<string>>,
): void {
  // On Windows it means that the console is closing.
  if (Deno.build.os === "windows") return;
  Deno.addSignalListener("SIGHUP", async () => {
    if (tls === undefined) {
      return log.notice(failed("there are no TLS files to read again", "warn"));
    }
    const faults = [...await reload()];
    if (faults.length === 0) return log.notice(reloaded("new connections use"));
    for (const fault of faults) log.notice(failed(fault, "error"));
  });
}

/** Why the TLS files that are in use stay. */
export function filesStay(fault: string): string {
  return `the TLS files in use stay: ${fault}`;
}

/** What is to be said of a worker that was asked to read the files and has not answered yet. */
export function workerIsSilent(worker: Named): string {
  return `${
    workerName(worker)
  } does not answer; it reads the TLS files when it does, or is replaced`;
}

/** Tells of a worker that has answered after all. */
export function reloadAnswered(worker: Named, faults: readonly string[]): Notice {
  const who = workerName(worker);
  return faults.length === 0
    ? reloaded(`new connections of ${who} use`)
    : failed(`${who}: ${faults.join("; ")}`, "error");
}

function reloaded(whoUses: string): Notice {
  return {
    level: "info",
    event: "tls_reloaded",
    message: `SIGHUP: ${whoUses} the TLS files as they are now`,
  };
}

function failed(why: string, level: Notice["level"]): Notice {
  return { level, event: "tls_reload_failed", message: `SIGHUP: ${why}` };
}
