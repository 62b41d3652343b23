import { codeOf, withoutStackTrace } from "../text/errors.ts";
import { type ChildProcess, fork } from "node:child_process";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { unixPeer } from "../workarounds/unknown_unix_peers.ts";
import type { Receiver } from "./hand_over.ts";
import { openOutbox, type Outbox } from "../workarounds/one_message_at_a_time.ts";
import {
  type FromWorker,
  openRequests,
  type Requests,
  type ToWorker,
  WORKER_VARIABLE,
  type WorkerTask,
} from "./messages.ts";
import { V8_FLAGS } from "./v8_flags.ts";

/** A worker process, seen from the supervisor. */
export interface WorkerProcess extends Receiver, Pick<Requests, "ask"> {
  readonly pid: number;
  /** Ends the process at once, with SIGKILL. */
  kill(): void;
  /** How the process ended, once it has. */
  readonly ended: Promise<WorkerEnd>;
}

/** How a worker ended. */
export interface WorkerEnd {
  /** For people: `exit code 1`, `SIGKILL`. */
  readonly how: string;
  readonly livedMs: number;
}

/** A message of a worker about its own state, which nobody has asked for. */
export type WorkerEvent = Extract<FromWorker, { kind: "ready" | "failed" | "recycle" }>;

/**
 * Starts a worker: this program again, the same executable or the same `deno run`.
 *
 * @param onEvent told what the worker says about its state
 */
export function startWorker(
  task: WorkerTask,
  onEvent: (event: WorkerEvent) => void,
): WorkerProcess {
  const start = performance.now();
  const child = forkSelf({ ...Deno.env.toObject(), [WORKER_VARIABLE]: JSON.stringify(task) });
  const outbox = openOutbox();
  const send = (message: ToWorker) => outbox.post(() => sendNow(child, message));
  const requests = openRequests(send);
  const connections = openConnectionSender(child, outbox);
  const { promise: ended, resolve: end } = Promise.withResolvers<WorkerEnd>();
  const over = (how: string) => {
    end({ how, livedMs: performance.now() - start });
    requests.abandon();
    // Deno does not close this end of the channel if a killed worker has left data in it.
    if (child.connected) child.disconnect();
    connections.abandon();
  };
  child.on("error", (error) => over(startFault(error)));
  child.on("exit", (code, signal) => over(signal ?? `exit code ${code}`));
  child.on("message", (message: FromWorker) => {
    if (message.kind === "failed") send({ kind: "acknowledged" });
    receive(message, { outbox, connections, requests, onEvent });
  });
  return {
    pid: child.pid ?? 0,
    async ask(request) {
      const response = await requests.ask(request);
      if (request.kind === "drain" && response !== undefined) send({ kind: "acknowledged" });
      return response;
    },
    ended,
    kill: () => void child.kill("SIGKILL"),
    ready: connections.ready,
    pass: connections.pass,
  };
}

/** Those to whom the messages of a worker go. */
interface Recipients {
  readonly outbox: Outbox;
  readonly connections: ConnectionSender;
  readonly requests: Requests;
  readonly onEvent: (event: WorkerEvent) => void;
}

/** Passes a message of a worker on to the one that it is for. */
function receive(
  message: FromWorker,
  { outbox, connections, requests, onEvent }: Recipients,
): void {
  switch (message.kind) {
    case "acknowledged":
      return outbox.acknowledged();
    case "accepted":
      outbox.acknowledged();
      return connections.accepted(message.id, message.ready);
    case "resume":
      return connections.resume();
    case "response":
      return requests.answered(message.id, message.response);
    default:
      return onEvent(message);
  }
}

/** Sends connections to a worker, and knows which of them it has acknowledged. */
interface ConnectionSender extends Receiver {
  /** The worker has acknowledged a connection; `ready` says whether it can take another at once. */
  accepted(id: number, ready: boolean): void;
  /** The worker can take another connection again. */
  resume(): void;
  /** The worker has ended: the connections in flight were not acknowledged. */
  abandon(): void;
}

function openConnectionSender(child: ChildProcess, outbox: Outbox): ConnectionSender {
  const inFlight = new Map<number, (accepted: boolean) => void>();
  let ready = Promise.withResolvers<void>();
  ready.resolve();
  let lastId = 0;
  let abandoned = false;
  const settle = (id: number, accepted: boolean) => {
    inFlight.get(id)?.(accepted);
    inFlight.delete(id);
  };
  return {
    pass(socket) {
      if (abandoned) return Promise.resolve(false);
      const id = ++lastId;
      const { promise, resolve } = Promise.withResolvers<boolean>();
      inFlight.set(id, resolve);
      outbox.post(() => {
        try {
          const peer = unixPeer(socket);
          withoutStackTrace(() =>
            sendNow(child, { kind: "connection", id, ...(peer && { peer }) }, socket)
          );
        } catch {
          // The socket's file descriptor cannot be duplicated: none is left, or the client has gone.
          socket.destroy();
          settle(id, true);
          outbox.acknowledged();
        }
      });
      return promise;
    },
    ready: () => ready.promise,
    accepted(id, isReady) {
      if (!isReady) ready = Promise.withResolvers();
      settle(id, true);
    },
    resume: () => ready.resolve(),
    abandon() {
      abandoned = true;
      for (const id of [...inFlight.keys()]) settle(id, false);
      ready.resolve();
    },
  };
}

/** Errors are ignored: when the channel breaks, the worker ends, and `exit` tells of it. */
function sendNow(child: ChildProcess, message: ToWorker, socket?: Socket): void {
  child.send(message, socket, { keepOpen: true }, () => {});
}

/**
 * Where this process has been told of no cache, its workers have none: Deno does not start where it
 * finds no home either, and a worker is not told of that. Nothing can be made below a device.
 */
const NO_CACHE = { DENO_DIR: "/dev/null/none" };

function forkSelf(env: Record<string, string>) {
  const main = fileURLToPath(Deno.mainModule);
  // An executable starts again with its own permissions, whatever the arguments are.
  if (Deno.build.standalone) return fork(main, [], { env, execArgv: [] });
  // Given a path alone, Deno's fork adds -A; arguments that begin with "run" it passes on unchanged.
  const isBundle = !main.endsWith(".ts");
  const flags = ["--quiet", ...(isBundle ? BUNDLE_FLAGS : []), ...ownPermissions(), main];
  return fork("run", flags, { env: isBundle ? { ...NO_CACHE, ...env } : env, execArgv: [] });
}

/** The sources have a configuration, which names their packages; a bundle is to find none. */
const BUNDLE_FLAGS = ["--no-config", `--v8-flags=${V8_FLAGS.join(",")}`];

/** What this process may do, without running programs, as flags of `deno run`. */
function ownPermissions(): string[] {
  const names = ["net", "read", "write"] as const;
  const granted = names.filter((name) => Deno.permissions.querySync({ name }).state === "granted");
  return [
    ...granted.map((name) => `--allow-${name}`),
    `--allow-env=${WORKER_VARIABLE},GRPC_*`,
    "--ignore-env",
    "--no-prompt",
  ];
}

/** Why a folder for temporary files cannot be used, by the code of the error. */
const FOLDER_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  ENOTDIR: "is not a folder",
  EACCES: "cannot be written",
  EPERM: "cannot be written",
  EROFS: "cannot be written",
  ENOSPC: "is full",
  EDQUOT: "is full",
};

/**
 * Puts into words why a worker could not be started. Deno needs a temporary file to start a process,
 * and reports an error of that file as one of the program to start: `spawn … ENOENT`.
 *
 * @param error what node:child_process reports
 */
function startFault(error: Error): string {
  const code = codeOf(error);
  if (code === "EMFILE" || code === "ENFILE") {
    return "no file descriptor is left to start a worker with; allow more (ulimit -n 1024)";
  }
  const folder = FOLDER_FAULTS[temporaryFileFault()];
  return folder === undefined ? error.message : "a worker cannot be started: the folder for " +
    `temporary files, TMPDIR or else /tmp, ${folder}; set TMPDIR to one that can be written`;
}

/** The code of the error when a temporary file is made; empty if one can be made. */
function temporaryFileFault(): string {
  try {
    // Deno chooses the folder, since this process has no permission to read TMPDIR.
    Deno.removeSync(Deno.makeTempFileSync({ prefix: "usersvc-" }));
    return "";
  } catch (error) {
    return codeOf(error);
  }
}
