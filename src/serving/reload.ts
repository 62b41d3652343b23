import type { Log } from "../log/log.ts";
import type { Notice } from "../server/events.ts";
import type { ServeOptions } from "./options.ts";

/**
 * Has the TLS files read again on each SIGHUP, and tells the log. It is here, and not in
 * lifecycle.ts, because the supervisor does it too and may not load gRPC.
 *
 * @param reload reads the files again; returns each reason why those in use stay
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
    if (faults.length === 0) return log.notice(RELOADED);
    for (const fault of faults) log.notice(failed(`the TLS files in use stay: ${fault}`, "error"));
  });
}

const RELOADED: Notice = {
  level: "info",
  event: "tls_reloaded",
  message: "SIGHUP: new connections use the TLS files as they are now",
};

function failed(why: string, level: Notice["level"]): Notice {
  return { level, event: "tls_reload_failed", message: `SIGHUP: ${why}` };
}
