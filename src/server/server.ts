import { loadContract, serviceName } from "../contract/contract.ts";
import type { Endpoint } from "../contract/endpoint.ts";
import type { ServerEvents } from "../contract/events.ts";
import type { RecordedCalls } from "../contract/recorded_calls.ts";
import { takeGrpcLog } from "../contract/grpc_log.ts";
import { getUser } from "./call/get_user.ts";
import { openDoor } from "./connection/door.ts";
import { type Accept, listen } from "./connection/listen.ts";
import type { TlsFiles } from "./connection/tls_server.ts";
import { callsInFlight, drain, type ServerParts } from "./drain.ts";
import { type Faults, openFaults } from "./faults/faults.ts";
import type { ServingStatus } from "../contract/health_contract.ts";
import { openGrpcServer } from "./grpc_server.ts";
import { openHealth } from "./health_service.ts";
import { httpSideOnDemand } from "./http/on_demand.ts";

/** What a server is made of. */
export interface ServerOptions {
  /** Where to listen: one endpoint or more. */
  readonly endpoints: readonly Endpoint[];
  /** The files for TLS; absent: plain text. */
  readonly tls?: TlsFiles;
  /** Whether clients may ask for the contract by server reflection. */
  readonly reflection: boolean;
  /** How long a connection lives before its client is told to open another, in milliseconds. */
  readonly maxConnectionAgeMs?: number;
  /** How many calls a client may have in flight on one connection; absent: as many as is allowed. */
  readonly maxConcurrentStreams?: number;
  /** What health says until it is set; absent: SERVING. */
  readonly health?: ServingStatus;
  /** What is answered besides gRPC over HTTP/2; absent: nothing. */
  readonly http?: HttpAccess;
  /** What goes wrong on purpose. */
  readonly faults: Faults;
  /** The name of this server among several: every answer of GetUser carries it as `hostname`. */
  readonly instance?: string;
}

/** Who may use what is not gRPC over HTTP/2: Connect, gRPC-Web, the page. */
export interface HttpAccess {
  /** The origins whose pages may read answers, besides the server's own. */
  readonly cors: readonly string[];
}

/** A server that accepts calls. */
export interface RunningServer {
  /** Where it listens, with the real port, in the order of the options. */
  readonly endpoints: readonly Endpoint[];
  /**
   * Stops accepting connections, tells clients to go away (GOAWAY) and waits for the calls in
   * flight. Those that are not done after the grace period are cancelled.
   *
   * @param graceMs the grace period in milliseconds
   * @param replaced another process serves in place of this one: health does not say NOT_SERVING
   * @returns how many calls were cancelled
   */
  drain(graceMs: number, replaced?: boolean): Promise<{ cancelled: number }>;
  /** How many calls are in flight, by every protocol. */
  callsInFlight(): number;
  /** What health says from now on, until a drain says NOT_SERVING. */
  setHealth(status: ServingStatus): void;
  /**
   * Reads the TLS files again, for later connections. Without TLS it does nothing.
   *
   * @throws {ExpectedError} if one cannot be used; the old ones stay in use
   */
  reloadTls(): Promise<void>;
  /**
   * Reads the file of answers again, for later calls. Without one it does nothing.
   *
   * @throws {ExpectedError} if it cannot be used; the old answers stay
   */
  reloadAnswers(): Promise<void>;
}

/**
 * Starts a server of `userservice.UserService`, with health and, if wanted, reflection.
 *
 * @param events what happens is reported to them
 * @param accept what accepts the connections; by default this process listens itself
 * @param recorded the calls that have ended, for those who ask for them; absent: nobody may
 * @throws {ListenError} if the endpoint cannot be listened on
 * @throws {ExpectedError} if a TLS file cannot be used
 * @throws {ExpectedError} if the file of answers cannot be used
 */
export async function startServer(
  options: ServerOptions,
  events: ServerEvents,
  { accept = listen, recorded }: {
    readonly accept?: Accept;
    readonly recorded?: RecordedCalls | undefined;
  } = {},
): Promise<RunningServer> {
  const { reflection, instance, maxConnectionAgeMs, maxConcurrentStreams } = options;
  takeGrpcLog((level, message) => events.notice({ level, event: "grpc_log", message }));
  const { plan, reloadAnswers } = await openFaults(options.faults, instance);
  const metadata = instance === undefined ? undefined : { hostname: [instance] };
  const services = {
    contract: await loadContract(),
    getUser: getUser(events, { plan, metadata }),
    health: openHealth(["", serviceName], options.health),
    maxConnectionAgeMs,
    maxConcurrentStreams,
  };
  const http = options.http &&
    httpSideOnDemand({ ...services, ...options.http, events, recorded });
  const grpc = await openGrpcServer({ ...services, reflection, other: http?.stream });
  const handlers = { http2: grpc.connection, http1: http?.connection };
  const door = await openDoor(options, handlers, events, accept);
  const parts: ServerParts = { door, grpc, http, getUser: services.getUser };
  return {
    endpoints: door.endpoints,
    drain: (graceMs, replaced = false) => {
      if (!replaced) services.health.stopServing();
      return drain(parts, graceMs);
    },
    callsInFlight: () => callsInFlight(parts),
    setHealth: services.health.set,
    reloadTls: door.reloadTls,
    reloadAnswers,
  };
}
