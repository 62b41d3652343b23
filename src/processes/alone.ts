import { formatMegabytes } from "../text/amounts.ts";
import { type Log, openLog } from "../telemetry/log.ts";
import type { Notice, ServerEvents } from "../contract/events.ts";
import type { TcpEndpoint } from "../contract/endpoint.ts";
import type { RecordedCalls } from "../contract/recorded_calls.ts";
import { startServer } from "../server/server.ts";
import type { ChildCommand } from "./child_command.ts";
import { turnHealthOnSigusr2 } from "./health_signal.ts";
import {
  drainUnlessEnded,
  dropPrivileges,
  FLUSH_MS,
  type ServeOptions,
  takeStopRequests,
} from "./lifecycle.ts";
import { reloadFiles, reloadOnSighup } from "./reload.ts";

/** The log warns once the memory of this process passes this, in bytes. */
const MUCH_MEMORY = 512_000_000;
/** How often memory is measured, in milliseconds. */
const MEASURE_MS = 1_000;

/**
 * Serves in this process until it is asked to stop, then drains. A second signal ends it at once.
 *
 * @param command runs meanwhile; its end asks the server to stop
 * @returns the exit code
 * @throws {ListenError} if an endpoint cannot be listened on
 * @throws {ExpectedError} if a TLS file cannot be used
 * @throws {ExpectedError} if the file of answers cannot be used
 * @throws {OutputError} if stdout does not take where the server listens
 */
export async function serveAlone(
  options: ServeOptions,
  command?: ChildCommand,
): Promise<number> {
  const { logMetadata: metadata, hasCommand: onStderr } = options;
  const recorded = await openMemory(options);
  const log = openLog(options.log, { metadata, recorded, onStderr });
  const stop = command ?? takeStopRequests(options);
  const events = options.metrics ? await withMetrics(options.metrics, log) : log;
  const server = await startServer(options, events, { recorded });
  dropPrivileges(options, options.hasCommand);
  // Before the announcement, since whoever waits for it may send SIGHUP at once.
  reloadOnSighup(options, async (what) => {
    const fault = await reloadFiles(server, what);
    return fault === null ? [] : [fault];
  }, log.notice);
  turnHealthOnSigusr2(options.health, server.setHealth, log.notice);
  try {
    await log.announce(server.endpoints, FLUSH_MS);
  } catch (error) {
    await server.drain(0);
    throw error;
  }
  if (options.faults.seed !== undefined) log.notice(seeded(options.faults.seed));
  warnOfMemory(log);
  if (command) {
    command.start(server.endpoints, log.notice);
    // It was the one program to start.
    Deno.permissions.revokeSync({ name: "run" });
  }
  const end = () => Promise.resolve({ cancelled: server.callsInFlight() });
  const ending = { drain: server.drain, end };
  const exitCode = await drainUnlessEnded(ending, options.graceMs, stop, log);
  await log.flush(FLUSH_MS);
  return command?.exitCode() ?? exitCode;
}

/** What keeps the last calls; undefined, and not loaded, where that is not wanted. */
async function openMemory(
  { record, logMetadata }: ServeOptions,
): Promise<RecordedCalls | undefined> {
  if (record === undefined) return undefined;
  const { openRecordedCalls } = await import("../contract/recorded_calls.ts");
  return openRecordedCalls(record, logMetadata);
}

/** Counts calls and connections, and serves the metrics; loaded only where they are wanted. */
async function withMetrics(endpoint: TcpEndpoint, log: Log): Promise<ServerEvents> {
  const [{ serveMetrics }, { processMetrics }] = await Promise.all([
    import("../telemetry/metrics_server.ts"),
    import("../telemetry/process_metrics.ts"),
  ]);
  const { events, text } = processMetrics(1, log);
  log.notice(await serveMetrics(endpoint, text));
  return events;
}

function seeded(seed: number): Notice {
  const message = `faults are drawn with --seed ${seed}`;
  return { level: "info", event: "seeded", message, fields: { seed } };
}

/**
 * Warns once in the log when this process has grown large. Deno's node:net keeps 7 to 10 KB of
 * each closed connection until the process ends.
 */
function warnOfMemory({ notice }: Log): void {
  const timer = setInterval(() => {
    const { rss } = Deno.memoryUsage();
    if (rss < MUCH_MEMORY) return;
    clearInterval(timer);
    notice({
      level: "warn",
      event: "memory",
      message: `this process uses ${formatMegabytes(rss)}, and Deno does not free what closed ` +
        "connections have used; --workers replaces processes that grow",
      fields: { rss },
    });
  }, MEASURE_MS);
  Deno.unrefTimer(timer as unknown as number);
}
