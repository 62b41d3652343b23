import type { Socket } from "node:net";
import process from "node:process";
import { ExitCode } from "../cli/exit_code.ts";
import { writeError } from "../cli/output.ts";
import { openLog } from "../telemetry/log.ts";
import type { Snapshot } from "../telemetry/ledger.ts";
import type { ServerEvents } from "../server/events.ts";
import { type RunningServer, startServer } from "../server/server.ts";
import { TlsError } from "../contract/tls_error.ts";
import { openDescriptorRoom } from "../workarounds/descriptor_room.ts";
import { openHandedConnections } from "./handed_connections.ts";
import { drainAndTell, FLUSH_MS, reloadTls } from "./lifecycle.ts";
import { dropPrivileges } from "./resources.ts";
import {
  type Drained,
  type FromWorker,
  type ResponseTo,
  type ToWorker,
  WORKER_VARIABLE,
  type WorkerRequest,
  type WorkerRequests,
  type WorkerTask,
} from "./messages.ts";

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
  const supervisor = openSupervisor();
  takeWorkerSignals(supervisor);
  const log = openLog(options.log, { worker });
  const metrics = options.metrics && await loadMetrics(worker);
  const connections = openHandedConnections();
  let server: RunningServer;
  try {
    const events = metrics ? metrics.withLog(log) : log;
    server = await startServer(options, events, connections.accept);
  } catch (error) {
    if (!(error instanceof TlsError)) throw error;
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
    report: () => ({ rss: Deno.memoryUsage().rss }),
    reload: async () => ({ faults: await reloadTls(server) }),
  });
  let answered = false;
  const orphaned = supervisor.gone.then(async () => {
    if (!answered) await drainAndTell(server, options.graceMs, "the supervisor is gone", log);
  });
  await Promise.race([drained.then(() => void (answered = true)), orphaned]);
  await log.flush(FLUSH_MS);
  return ExitCode.OK;
}

/** The metrics of a worker; loaded only here, they cost nothing when they are off. */
async function loadMetrics(worker: number) {
  const { processMetrics, tellAll } = await import("../telemetry/process_metrics.ts");
  const { events, snapshot } = processMetrics(worker);
  return { withLog: (log: ServerEvents) => tellAll([log, events]), snapshot };
}

/** What a worker does when the supervisor says so. */
interface Duties {
  /** Takes over a connection; on a socket file its peer has a name in place of an address. */
  connection(socket: Socket, peer?: string): void;
  /** Finishes the calls in flight. */
  drain(request: WorkerRequests["drain"]["request"]): Promise<Drained>;
  /** Tells what it has counted. */
  metrics(): Promise<Snapshot>;
  /** Tells how much memory it uses. */
  report(): ResponseTo<"report">;
  /** Reads the TLS files again. */
  reload(): Promise<ResponseTo<"reload">>;
}

/** The supervisor, seen from a worker. */
interface Supervisor {
  /** Sends a message, and waits until it is on its way. */
  send(message: FromWorker): Promise<void>;
  /**
   * Sends a message, and waits until the supervisor has it or is gone: what it has not read of a
   * worker when it learns that the worker has ended is lost.
   */
  sendLast(message: FromWorker): Promise<void>;
  /**
   * Does what the supervisor says until it asks for a drain.
   *
   * @returns when the drain is over and the supervisor knows it
   */
  serve(duties: Duties): Promise<void>;
  /** The supervisor has ended. */
  readonly gone: Promise<void>;
}

function answer(duties: Duties, request: WorkerRequest): unknown {
  switch (request.kind) {
    case "drain":
      return duties.drain(request);
    case "metrics":
      return duties.metrics();
    case "report":
      return duties.report();
    case "reload":
      return duties.reload();
  }
}

function openSupervisor(): Supervisor {
  const { promise: gone, resolve: lost } = Promise.withResolvers<void>();
  process.once("disconnect", lost);
  // Where the channel breaks with data in it there is no such event; the next message fails then.
  const send = (message: FromWorker) =>
    new Promise<void>((resolve) => {
      process.send!(message, undefined, undefined, (error) => {
        if (error) lost();
        resolve();
      });
    });
  const { promise: heard, resolve: hear } = Promise.withResolvers<void>();
  process.on("message", (message: ToWorker) => message.kind === "heard" && hear());
  const sendLast = async (message: FromWorker) => {
    await send(message);
    await Promise.race([heard, gone]);
  };
  const room = openDescriptorRoom();
  return {
    gone,
    send,
    sendLast,
    serve: (duties) =>
      new Promise((resolve) => {
        process.on("message", async (message: ToWorker, socket?: Socket) => {
          switch (message.kind) {
            case "connection": {
              const more = room.use();
              void send({ kind: "accepted", id: message.id, room: more });
              // It comes without one if the client has gone in the meantime.
              if (socket) duties.connection(socket, message.peer);
              if (more) return;
              await room.more();
              return void send({ kind: "room" });
            }
            case "request": {
              const { id, request } = message;
              void send({ kind: "got" });
              const response = await answer(duties, request);
              if (request.kind !== "drain") return void send({ kind: "response", id, response });
              await sendLast({ kind: "response", id, response });
              resolve();
            }
          }
        });
        void send({ kind: "ready" });
      }),
  };
}

/**
 * Leaves SIGINT to the supervisor, since Ctrl-C reaches the whole group. SIGTERM asks the
 * supervisor to replace this worker; a further one changes nothing, since those that stop a whole
 * group send it more than once. What ends the calls at once is the supervisor's second signal.
 */
function takeWorkerSignals(supervisor: Supervisor): void {
  Deno.addSignalListener("SIGINT", () => {});
  Deno.addSignalListener("SIGTERM", () => void supervisor.send({ kind: "leave" }));
}
