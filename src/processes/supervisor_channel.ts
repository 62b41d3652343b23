import type { Socket } from "node:net";
import process from "node:process";
import type { Snapshot } from "../telemetry/ledger.ts";
import { watchDescriptors } from "../workarounds/descriptors_run_out.ts";
import type {
  Drained,
  FromWorker,
  ResponseTo,
  ToWorker,
  WorkerRequest,
  WorkerRequests,
} from "./messages.ts";

/** What a worker does when the supervisor asks for it. */
export interface Duties {
  /** Takes over a connection; on a socket file its peer has a name in place of an address. */
  connection(socket: Socket, peer?: string): void;
  /** Finishes the calls in flight. */
  drain(request: WorkerRequests["drain"]["request"]): Promise<Drained>;
  /** Tells what the worker has counted. */
  metrics(): Promise<Snapshot>;
  /** Tells how much memory the worker uses, and how many calls it has. */
  heartbeat(): ResponseTo<"heartbeat">;
  /** Reads files again. */
  reload(request: WorkerRequests["reload"]["request"]): Promise<ResponseTo<"reload">>;
}

/** The channel to the supervisor, seen from a worker. */
export interface SupervisorChannel {
  /** Sends a message, and waits until it is written to the channel, or cannot be. */
  send(message: FromWorker): Promise<void>;
  /**
   * Sends a message, and waits until the supervisor has acknowledged it or is gone. Messages that the
   * supervisor has not read when the worker ends are lost.
   */
  sendLast(message: FromWorker): Promise<void>;
  /**
   * Does what the supervisor asks for, the last of which is a drain.
   *
   * @returns when the drain is over and the supervisor has acknowledged its result
   */
  serve(duties: Duties): Promise<void>;
  /** Settles when the supervisor has ended. */
  readonly gone: Promise<void>;
}

function answer(duties: Duties, request: WorkerRequest): unknown {
  switch (request.kind) {
    case "drain":
      return duties.drain(request);
    case "metrics":
      return duties.metrics();
    case "heartbeat":
      return duties.heartbeat();
    case "reload":
      return duties.reload(request);
  }
}

/** How often a worker looks whether its supervisor is still its parent, in milliseconds. */
const PARENT_MS = 1_000;

/** Opens the channel over which the supervisor has started this process. */
export function openSupervisorChannel(): SupervisorChannel {
  const { promise: gone, resolve: lost } = Promise.withResolvers<void>();
  process.once("disconnect", lost);
  // A channel that breaks with data in it emits no `disconnect`. The system gives this process another
  // parent then, and the next message fails.
  const { ppid } = process;
  const watch = setInterval(() => process.ppid !== ppid && lost(), PARENT_MS);
  void gone.then(() => clearInterval(watch));
  const send = (message: FromWorker) =>
    new Promise<void>((resolve) => {
      process.send!(message, undefined, undefined, (error) => {
        if (error) lost();
        resolve();
      });
    });
  const { promise: acknowledged, resolve: acknowledge } = Promise.withResolvers<void>();
  process.on("message", ({ kind }: ToWorker) => kind === "acknowledged" && acknowledge());
  const sendLast = async (message: FromWorker) => {
    await send(message);
    await Promise.race([acknowledged, gone]);
  };
  const channel = { gone, send, sendLast };
  return { ...channel, serve: (duties) => serve(channel, duties) };
}

type Sender = Pick<SupervisorChannel, "send" | "sendLast">;

function serve({ send, sendLast }: Sender, duties: Duties): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const descriptors = watchDescriptors();
  process.on("message", async (message: ToWorker, socket?: Socket) => {
    switch (message.kind) {
      case "connection": {
        const ready = descriptors.use();
        void send({ kind: "accepted", id: message.id, ready });
        // The message has no socket if the client has closed the connection in the meantime.
        if (socket) duties.connection(socket, message.peer);
        if (ready) return;
        await descriptors.more();
        return void send({ kind: "resume" });
      }
      case "request": {
        const { id, request } = message;
        void send({ kind: "acknowledged" });
        const response = await answer(duties, request);
        if (request.kind !== "drain") return void send({ kind: "response", id, response });
        await sendLast({ kind: "response", id, response });
        resolve();
      }
    }
  });
  void send({ kind: "ready" });
  return promise;
}
