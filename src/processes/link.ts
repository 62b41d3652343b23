/**
 * The link between a supervisor and a worker: both ends of the IPC channel with which the worker was
 * started.
 *
 * The supervisor sends requests, `{id, method, argument}`, with a socket if it hands over a connection.
 * They arrive in the order in which they are sent. The worker replies to each with `{id, value}`: to a
 * drain when it is over, so later than to the heartbeats meanwhile. What it has not been asked for it
 * sends as a {@linkcode WorkerEvent}. When the supervisor needs nothing more of a worker, it closes the
 * channel, and only then does the worker end: its last message is read.
 */
import type { ChildProcess } from "node:child_process";
import type { Socket } from "node:net";
import process from "node:process";
import type { ServingStatus } from "../contract/health_contract.ts";
import type { Snapshot } from "../telemetry/pool_metrics.ts";
import { withoutStackTrace } from "../text/errors.ts";
import { openOutbox } from "../workarounds/lost_sockets.ts";
import { parentGone } from "../workarounds/missed_disconnect.ts";
import type { DrainOutcome, ServeOptions } from "./lifecycle.ts";
import type { ReloadedFiles } from "./reload.ts";

/** The environment variable that makes a process a worker; it holds a {@linkcode WorkerTask} as JSON. */
export const WORKER_VARIABLE = "USERSVC_WORKER";

/** What a new worker must know. */
export interface WorkerTask {
  /** The worker's number, from 1 up; the one that replaces it has the same. */
  readonly worker: number;
  readonly options: ServeOptions;
}

/** What the supervisor can ask of a worker. Arguments and results travel as JSON. */
export interface WorkerMethods {
  /**
   * Takes over a connection.
   *
   * @param peer the name of the peer on a socket file, which has no address
   * @param socket absent if the client has closed the connection in the meantime
   * @returns whether the worker can take another one; if not, it reports `ready` once it can
   */
  takeConnection(peer: string | undefined, socket?: Socket): boolean;
  /**
   * Shows that the worker is alive.
   *
   * @returns its memory (resident set size) in bytes, and how many calls are in flight
   */
  heartbeat(): { readonly rss: number; readonly calls: number };
  /** Returns what the worker has counted so far. */
  metrics(): Promise<Snapshot>;
  /**
   * Reads files again.
   *
   * @returns why the old ones stay in use; null if the new ones are
   */
  reload(what: ReloadedFiles): Promise<string | null>;
  /** What health says from now on. */
  setHealth(status: ServingStatus): void;
  /**
   * Finishes the calls in flight, after which the worker only waits for the end of the channel.
   *
   * @param how `replaced`: another worker serves already
   */
  drain(how: { readonly graceMs: number; readonly replaced: boolean }): Promise<DrainOutcome>;
}

/** What a method of {@linkcode WorkerMethods} takes, and what it returns. */
type Argument<M extends keyof WorkerMethods> = Parameters<WorkerMethods[M]>[0];
type Result<M extends keyof WorkerMethods> = Awaited<ReturnType<WorkerMethods[M]>>;

/** What a worker reports without being asked. */
export type WorkerEvent =
  /** It serves, and can take a connection. */
  | { readonly event: "ready" }
  /** It cannot serve; the reason is one line for people. */
  | { readonly event: "failed"; readonly reason: string }
  /** It asks to be replaced, and serves until then. */
  | { readonly event: "recycle" };

interface Request {
  readonly id: number;
  readonly method: keyof WorkerMethods;
  readonly argument?: unknown;
}

interface Reply {
  readonly id: number;
  readonly value: unknown;
}

/** The supervisor's end of the channel to one worker. */
export interface WorkerLink {
  /**
   * Calls a method of the worker.
   *
   * @param socket handed over with it; this process keeps its copy
   * @returns its result, or undefined if the worker ends without a reply
   */
  ask<M extends keyof WorkerMethods>(
    method: M,
    argument?: Argument<M>,
    socket?: Socket,
  ): Promise<Result<M> | undefined>;
  /** Closes the channel, once the last request has its reply. */
  close(): void;
}

/**
 * Opens the supervisor's end of a channel.
 *
 * @param child the worker, just started
 * @param onEvent receives what it reports
 */
export function openWorkerLink(
  child: ChildProcess,
  onEvent: (event: WorkerEvent) => void,
): WorkerLink {
  const outbox = openOutbox();
  const withoutReply = new Map<number, (value: unknown) => void>();
  let lastId = 0;
  let ended = false;
  const settle = ({ id, value }: Reply) => {
    withoutReply.get(id)?.(value);
    withoutReply.delete(id);
    outbox.replied(id);
  };
  child.on("message", (message: Reply | WorkerEvent) => {
    if ("id" in message) settle(message);
    else onEvent(message);
  });
  const disconnect = () => child.connected && child.disconnect();
  const abandon = () => {
    ended = true;
    for (const resolve of withoutReply.values()) resolve(undefined);
    withoutReply.clear();
    // Deno does not close this end of the channel if a killed worker has left data in it.
    disconnect();
  };
  child.on("error", abandon);
  child.on("exit", abandon);
  return {
    ask<M extends keyof WorkerMethods>(method: M, argument?: Argument<M>, socket?: Socket) {
      if (ended) return Promise.resolve(undefined);
      const request: Request = { id: ++lastId, method, argument };
      // Both ends are the same version of this program: a result has the type of its method.
      const { promise, resolve } = Promise.withResolvers<Result<M> | undefined>();
      withoutReply.set(request.id, resolve as (value: unknown) => void);
      outbox.post(() => {
        // A worker does not miss a connection that has gone, or that cannot be sent.
        if (!send(child, request, socket)) settle({ id: request.id, value: true });
      }, socket !== undefined);
      return promise;
    },
    close: () => outbox.post(disconnect, true),
  };
}

/**
 * Sends a request. Errors of the channel are ignored: when it breaks, the worker ends, and `exit` is
 * emitted.
 *
 * @returns false if the socket's file descriptor cannot be duplicated: none is left, or the client has
 * gone
 */
function send(child: ChildProcess, request: Request, socket?: Socket): boolean {
  try {
    withoutStackTrace(() => child.send(request, socket, { keepOpen: true }, () => {}));
    return true;
  } catch {
    return false;
  }
}

/** A worker's end of the channel to its supervisor. */
interface SupervisorLink {
  /**
   * Reports something that the supervisor has not asked for. After `failed`, or once it has asked for a
   * drain, nothing is reported any more: it would be unread when the supervisor closes the channel (see
   * missed_disconnect.ts).
   */
  report(event: WorkerEvent): void;
  /** Does from now on what the supervisor asks for. */
  serve(methods: WorkerMethods): void;
  /** Settles when the supervisor has closed the channel, or has ended. */
  readonly gone: Promise<void>;
}

/** Opens the worker's end of the channel over which the supervisor has started this process. */
export function openSupervisorLink(): SupervisorLink {
  // Errors of the channel are ignored: when it breaks, `gone` settles.
  const send = (message: Reply | WorkerEvent) =>
    void process.send!(message, undefined, undefined, () => {});
  let isEnding = false;
  return {
    gone: parentGone(),
    report(event) {
      if (isEnding) return;
      isEnding = event.event === "failed";
      send(event);
    },
    serve(methods) {
      process.on("message", async ({ id, method, argument }: Request, socket?: Socket) => {
        if (method === "drain") isEnding = true;
        const call = methods[method] as (argument: unknown, socket?: Socket) => unknown;
        send({ id, value: await call(argument, socket) });
      });
    },
  };
}
