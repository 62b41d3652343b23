import process from "node:process";
import { ExitCode } from "../cli/exit.ts";
import { writeError } from "../cli/output.ts";
import type { ServerEvents } from "../contract/events.ts";
import { type Connections, openConnections } from "../server/connection/connections.ts";
import type { Accept } from "../server/connection/listen.ts";
import { type RunningServer, startServer } from "../server/server.ts";
import { openLog } from "../telemetry/log.ts";
import { ExpectedError } from "../text/errors.ts";
import { watchDescriptors } from "../workarounds/descriptors_run_out.ts";
import { nameUnixPeer } from "../workarounds/unknown_unix_peers.ts";
import { drainAndReport, dropPrivileges, FLUSH_MS } from "./lifecycle.ts";
import {
  openSupervisorLink,
  WORKER_VARIABLE,
  type WorkerMethods,
  type WorkerTask,
} from "./link.ts";
import { reloadFiles } from "./reload.ts";

/**
 * Serves the connections that the supervisor hands over, until it asks for a drain or is gone.
 *
 * @param text the {@linkcode WorkerTask} as JSON
 * @returns the exit code
 */
export async function serveAsWorker(text: string): Promise<number> {
  if (!process.connected) {
    writeError(`usersvc: ${WORKER_VARIABLE} is for workers that usersvc starts itself; unset it`);
    return ExitCode.USAGE;
  }
  const { worker, options } = JSON.parse(text) as WorkerTask;
  const supervisor = openSupervisorLink();
  takeWorkerSignals(() => supervisor.report({ event: "recycle" }), options.hasCommand);
  const { logMetadata: metadata, hasCommand: onStderr } = options;
  const log = openLog(options.log, { worker, metadata, onStderr });
  const metrics = options.metrics && await loadMetrics(worker, log);
  const connections = openHandedConnections(() => supervisor.report({ event: "ready" }));
  let server: RunningServer;
  try {
    server = await startServer(options, metrics?.events ?? log, connections);
  } catch (error) {
    if (!(error instanceof ExpectedError)) throw error;
    supervisor.report({ event: "failed", reason: error.message });
    await supervisor.gone;
    return ExitCode.FAILURE;
  }
  dropPrivileges(options);
  let drained = false;
  supervisor.serve({
    takeConnection: connections.take,
    heartbeat: () => ({ rss: Deno.memoryUsage().rss, calls: server.callsInFlight() }),
    metrics: () => metrics ? metrics.snapshot() : Promise.resolve([]),
    reload: (what) => reloadFiles(server, what),
    setHealth: server.setHealth,
    async drain({ graceMs, replaced }) {
      const outcome = await server.drain(graceMs, replaced);
      drained = true;
      return outcome;
    },
  });
  supervisor.report({ event: "ready" });
  await supervisor.gone;
  if (!drained) await drainAndReport(server, options.graceMs, "the supervisor is gone", log);
  await log.flush(FLUSH_MS);
  return ExitCode.OK;
}

/** The metrics of a worker; loaded only where they are wanted. */
async function loadMetrics(worker: number, log: ServerEvents) {
  const { processMetrics } = await import("../telemetry/process_metrics.ts");
  return processMetrics(worker, log);
}

/**
 * Ignores SIGINT and SIGHUP, which Ctrl-C and a closing terminal send to the supervisor as well,
 * SIGUSR2, which is for that alone, and with a command SIGQUIT, which is for the command.
 *
 * @param recycle has the supervisor recycle this worker, at SIGTERM. A second SIGTERM changes nothing,
 * because tools that stop a whole process group may send several. Only a second signal to the supervisor
 * ends the calls at once.
 */
function takeWorkerSignals(recycle: () => void, hasCommand = false): void {
  const ignored: Deno.Signal[] = [
    "SIGINT",
    "SIGHUP",
    "SIGUSR2",
    ...(hasCommand ? ["SIGQUIT"] as const : []),
  ];
  for (const signal of ignored) Deno.addSignalListener(signal, () => {});
  Deno.addSignalListener("SIGTERM", recycle);
}

/** The connections that a supervisor hands to this process. */
interface HandedConnections {
  /** Replaces listening: passes on the connections of {@linkcode take}, whatever the endpoint. */
  readonly accept: Accept;
  readonly take: WorkerMethods["takeConnection"];
}

/**
 * Makes a {@linkcode HandedConnections}.
 *
 * @param onReady called when another connection can be taken, after one with which none could
 */
function openHandedConnections(onReady: () => void): HandedConnections {
  const descriptors = watchDescriptors();
  let connections: Connections | undefined;
  return {
    accept(endpoint, onConnection) {
      const opened = connections ??= openConnections(onConnection);
      return Promise.resolve({
        endpoint,
        // A drain calls this; the supervisor hands over no connection after it has asked for one.
        close: () => opened.allClosed(),
        destroyConnections: () => opened.destroy(),
      });
    },
    take(peer, socket) {
      const canTakeMore = descriptors.use();
      if (!canTakeMore) void descriptors.more().then(onReady);
      if (socket) {
        if (peer !== undefined) nameUnixPeer(socket, peer);
        // As listen.ts does for the connections that it accepts; a Unix socket ignores it.
        socket.setNoDelay(true);
        connections!.add(socket);
      }
      return canTakeMore;
    },
  };
}
