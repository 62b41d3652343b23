import { setTimeout as delay } from "node:timers/promises";
import type { GetUser } from "./call/get_user.ts";
import type { Door } from "./connection/door.ts";
import type { GrpcServer } from "./grpc_server.ts";
import type { HttpSide } from "./http/http_side.ts";

/** How long the answers to cancelled calls may take to leave, in milliseconds. */
const CANCEL_MS = 100;

/** The parts of a server. */
export interface ServerParts {
  readonly door: Door;
  readonly grpc: GrpcServer;
  /** Absent where gRPC alone is answered. */
  readonly http: HttpSide | undefined;
  readonly getUser: GetUser;
}

/**
 * Stops accepting connections, tells clients to go away (GOAWAY) and waits for the calls in flight.
 *
 * @param graceMs the grace period in milliseconds; calls that are still open after it are cancelled
 * @returns how many calls were cancelled
 */
export async function drain(parts: ServerParts, graceMs: number): Promise<{ cancelled: number }> {
  const { door, grpc, http, getUser } = parts;
  const closed = door.close();
  http?.drain();
  getUser.drain();
  await grpc.drain();
  if (await isOverWithin(graceMs, closed)) return { cancelled: 0 };
  const cancelled = callsInFlight(parts);
  getUser.cancel();
  if (!await isOverWithin(CANCEL_MS, closed)) {
    grpc.end();
    door.destroyConnections();
    await closed;
  }
  return { cancelled };
}

/** How many calls are in flight, by every protocol. */
export function callsInFlight({ grpc, http }: ServerParts): number {
  return grpc.callsInFlight() + (http?.callsInFlight() ?? 0);
}

/**
 * Waits for a promise, but no longer than so many milliseconds; returns whether it was fulfilled. The
 * timer stays, which holds nothing up: the program ends with `Deno.exit`.
 */
function isOverWithin(ms: number, over: Promise<unknown>): Promise<boolean> {
  return Promise.race([over.then(() => true), delay(ms, false)]);
}
