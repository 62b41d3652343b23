/**
 * What the supervisor and its workers say to each other over their IPC channel. Messages of one
 * direction arrive in the order in which they were sent, handed-over connections included. The
 * supervisor sends one at a time: see src/workarounds/one_message_at_a_time.ts.
 */
import type { Snapshot } from "../telemetry/ledger.ts";
import type { ReloadedFiles } from "./notices.ts";
import type { ServeOptions } from "./lifecycle.ts";

/** What a new worker must know. It is passed as JSON in {@linkcode WORKER_VARIABLE}. */
export interface WorkerTask {
  /** The worker's number, from 1 up; the one that replaces it has the same. */
  readonly worker: number;
  readonly options: ServeOptions;
}

/** The environment variable that makes a process a worker. */
export const WORKER_VARIABLE = "USERSVC_WORKER";

/** From the supervisor to a worker. */
export type ToWorker =
  /**
   * Comes with a socket, of which the supervisor keeps a copy until the worker has acknowledged it.
   * `peer` is the name of the peer on a socket file, which has no address.
   */
  | { readonly kind: "connection"; readonly id: number; readonly peer?: string }
  | { readonly kind: "request"; readonly id: number; readonly request: WorkerRequest }
  /** Acknowledges the worker's last message. */
  | { readonly kind: "acknowledged" };

/** From a worker to the supervisor. */
export type FromWorker =
  /** The worker can take connections. */
  | { readonly kind: "ready" }
  /** The worker cannot serve, and ends; the reason is one line for people. */
  | { readonly kind: "failed"; readonly reason: string }
  /** Acknowledges a request: the worker may be sent more. `accepted` acknowledges a connection. */
  | { readonly kind: "acknowledged" }
  /** The connection is the worker's from now on; `ready` says whether it can take another at once. */
  | { readonly kind: "accepted"; readonly id: number; readonly ready: boolean }
  /** After an `accepted` that was not ready: the worker can take another connection. */
  | { readonly kind: "resume" }
  /** SIGTERM has come: the worker asks to be recycled, and serves until it is asked to drain. */
  | { readonly kind: "recycle" }
  | { readonly kind: "response"; readonly id: number; readonly response: unknown };

/** What the supervisor can ask of a worker, and what the answer is. */
export interface WorkerRequests {
  /** Finish the calls in flight, then answer and end; `replaced`: another worker serves already. */
  drain: {
    readonly request: { readonly graceMs: number; readonly replaced: boolean };
    readonly response: Drained;
  };
  /** Read files again; the answer says what could not be read. */
  reload: {
    readonly request: { readonly what: ReloadedFiles };
    readonly response: { faults: string[] };
  };
  /**
   * Whether the worker is alive; the answer is its memory (resident set size) in bytes, and how many
   * calls are in flight.
   */
  heartbeat: {
    readonly request: Record<never, never>;
    readonly response: { readonly rss: number; readonly calls: number };
  };
  /** What the worker has counted so far; an empty list where metrics are off. */
  metrics: { readonly request: Record<never, never>; readonly response: Snapshot };
}

/** How a drain ended. */
export interface Drained {
  /** How many calls had to be cancelled because the grace period was over. */
  readonly cancelled: number;
  /** What the worker had counted at its end; absent where metrics are off. */
  readonly metrics?: Snapshot;
}

/** A request with its kind. */
export type WorkerRequest = {
  [K in keyof WorkerRequests]: { readonly kind: K } & WorkerRequests[K]["request"];
}[keyof WorkerRequests];

/** The answer to a request of this kind. */
export type ResponseTo<K extends keyof WorkerRequests> = WorkerRequests[K]["response"];

/** Requests that wait for their answers. */
export interface Requests {
  /**
   * Sends a request.
   *
   * @returns the answer, or undefined if the worker ends without giving one
   */
  ask<K extends keyof WorkerRequests>(
    request: { readonly kind: K } & WorkerRequests[K]["request"],
  ): Promise<ResponseTo<K> | undefined>;
  /** Passes on an answer that has come. */
  answered(id: number, response: unknown): void;
  /** The worker has ended: no answer will come. */
  abandon(): void;
}

/** Matches answers to requests, for one worker. */
export function openRequests(send: (message: ToWorker) => void): Requests {
  const waiting = new Map<number, (response: unknown) => void>();
  let ended = false;
  let last = 0;
  return {
    async ask(request) {
      if (ended) return undefined;
      const id = ++last;
      const { promise, resolve } = Promise.withResolvers<unknown>();
      waiting.set(id, resolve);
      send({ kind: "request", id, request: request as WorkerRequest });
      // Both ends are the same version of this program: an answer has the type of its request.
      return await promise as ResponseTo<typeof request["kind"]> | undefined;
    },
    answered(id, response) {
      waiting.get(id)?.(response);
      waiting.delete(id);
    },
    abandon() {
      ended = true;
      for (const resolve of waiting.values()) resolve(undefined);
      waiting.clear();
    },
  };
}
