import type { Notice } from "../server/events.ts";

/**
 * What the log is told after SIGHUP. It is here, and not in lifecycle.ts, because the supervisor
 * says it too and may not load gRPC.
 *
 * @param fault why the TLS files in use stay; undefined if they were read
 */
export function reloadNotice(fault: string | undefined): Notice {
  if (fault === undefined) {
    return {
      level: "info",
      event: "tls_reloaded",
      message: "SIGHUP: new connections use the TLS files as they are now",
    };
  }
  return {
    level: "error",
    event: "tls_reload_failed",
    message: `SIGHUP: the TLS files in use stay: ${fault}`,
  };
}

/** What the log is told after SIGHUP where the server has no TLS. */
export const NOTHING_TO_RELOAD: Notice = {
  level: "warn",
  event: "tls_reload_failed",
  message: "SIGHUP: there are no TLS files to read again",
};
