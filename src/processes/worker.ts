import type { Socket } from "node:net";
import process from "node:process";
import { ExitCode } from "../cli/exit.ts";
import { writeError } from "../cli/output.ts";
import { openLog } from "../telemetry/log.ts";
import { type Connections, openConnections } from "../server/connection/connections.ts";
import { ExpectedError } from "../text/errors.ts";
import type { ServerEvents } from "../contract/events.ts";
import type { Accept } from "../server/connection/listen.ts";
import { type RunningServer, startServer } from "../server/server.ts";
import { nameUnixPeer } from "../workarounds/unknown_unix_peers.ts";
import { drainAndTell, FLUSH_MS, reloadFiles } from "./lifecycle.ts";
import { WORKER_VARIABLE, type WorkerTask } from "./messages.ts";
import { dropPrivileges } from "./resources.ts";
import { openSupervisorChannel, type SupervisorChannel } from "./supervisor_channel.ts";

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
  const supervisor = openSupervisorChannel();
  takeWorkerSignals(supervisor);
  const log = openLog(options.log, worker);
  const metrics = options.metrics && await loadMetrics(worker, log);
  const connections = openHandedConnections();
  let server: RunningServer;
  try {
    server = await startServer(options, metrics?.events ?? log, connections.accept);
  } catch (error) {
    if (!(error instanceof ExpectedError)) throw error;
    await supervisor.sendLast({ kind: "failed", reason: error.message });
    return ExitCode.FAILURE;
  }
  dropPrivileges(options);
  const drained = supervisor.serve({
    connection: connections.give,
    drain: async ({ graceMs, replaced }) => {
      const drained = await server.drain(graceMs, replaced);
      return metrics ? { ...drained, metrics: await metrics.snapshot() } : drained;
    },
    metrics: () => metrics ? metrics.snapshot() : Promise.resolve([]),
    heartbeat: () => ({ rss: Deno.memoryUsage().rss, calls: server.callsInFlight() }),
    reload: async ({ what }) => ({ faults: await reloadFiles(server, what) }),
  });
  let answered = false;
  const orphaned = supervisor.gone.then(async () => {
    if (!answered) await drainAndTell(server, options.graceMs, "the supervisor is gone", log);
  });
  await Promise.race([drained.then(() => void (answered = true)), orphaned]);
  await log.flush(FLUSH_MS);
  return ExitCode.OK;
}

/** The metrics of a worker; loaded only where they are wanted. */
async function loadMetrics(worker: number, log: ServerEvents) {
  const { processMetrics } = await import("../telemetry/process_metrics.ts");
  return processMetrics(worker, log);
}

/**
 * Ignores SIGINT and SIGHUP, which Ctrl-C and a closing terminal send to the supervisor as well.
 * SIGTERM asks the supervisor to recycle this worker; a second SIGTERM changes nothing, because tools that stop a whole process group may
 * send several. Only a second signal to the supervisor ends the calls at once.
 */
function takeWorkerSignals(supervisor: SupervisorChannel): void {
  for (const signal of ["SIGINT", "SIGHUP"] as const) Deno.addSignalListener(signal, () => {});
  Deno.addSignalListener("SIGTERM", () => void supervisor.send({ kind: "recycle" }));
}

/** The connections that a supervisor hands to this process. */
interface HandedConnections {
  /** Replaces listening: passes on the connections of {@linkcode give}, whatever the endpoint. */
  readonly accept: Accept;
  /** Takes a connection; on a socket file its peer has a name in place of an address. */
  give(socket: Socket, peer?: string): void;
}

/** Makes a {@linkcode HandedConnections}. */
function openHandedConnections(): HandedConnections {
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
    give(socket, peer) {
      if (peer !== undefined) nameUnixPeer(socket, peer);
      // As listen.ts does for the connections that it accepts; a Unix socket ignores it.
      socket.setNoDelay(true);
      if (connections) connections.add(socket);
      else socket.destroy();
    },
  };
}
