import type { Notice } from "../server/events.ts";

/** How long the last log lines of a process may take to be read, in milliseconds. */
export const FLUSH_MS = 1_000;

/**
 * What the log is told when a drain begins. It is here, and not in lifecycle.ts, because the
 * supervisor says it too and may not load gRPC.
 *
 * @param why what made the server drain: `SIGTERM`
 */
export function drainingNotice(why: string, graceMs: number): Notice {
  return {
    level: "info",
    event: "draining",
    message: `${why}: draining, calls in flight have ${graceMs / 1000} s to finish`,
    fields: { reason: why, grace_ms: graceMs },
  };
}
