import {
  type sendUnaryData,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  status as grpcStatus,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { healthRoot, healthServiceName, type ServingStatus } from "../contract/health_contract.ts";
import { serviceDefinition } from "../contract/service_definition.ts";

/** The definition of `grpc.health.v1.Health`, as a server registers it. */
export const healthService: ServiceDefinition = serviceDefinition(healthRoot, healthServiceName);

/** A request of `grpc.health.v1.Health`. */
interface HealthCheckRequest {
  service: string;
}

/** A response of `grpc.health.v1.Health`. */
interface HealthCheckResponse {
  status: ServingStatus | "SERVICE_UNKNOWN";
}

type CheckCall = ServerUnaryCall<HealthCheckRequest, HealthCheckResponse>;
type WatchCall = ServerWritableStream<HealthCheckRequest, HealthCheckResponse>;

/** The health service of a server. */
export interface Health {
  /** Whether a service has a health: by its full name; `""` is the server as a whole. */
  knows(service: string): boolean;
  /** Whether the services are SERVING, or else NOT_SERVING. */
  isServing(): boolean;
  /** What is said of every service from now on; those who watch are told. */
  set(status: ServingStatus): void;
  /** Every service is NOT_SERVING for good. */
  stopServing(): void;
  /** Its methods, for grpc-js. */
  readonly handlers: UntypedServiceImplementation;
}

/**
 * Makes the service `grpc.health.v1.Health`: SERVING or NOT_SERVING for the given services, NOT_FOUND (Check) or
 * SERVICE_UNKNOWN (Watch) for all others.
 *
 * The contract is that of grpc-health-check. Its implementation is not used: it remembers every
 * service name that a client has ever watched, and reads its contract from disk with more
 * permissions than a server needs.
 *
 * @param services full names; `""` is the server as a whole
 * @param status what is said of them at first
 * @see https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 */
export function openHealth(
  services: readonly string[],
  status: ServingStatus = "SERVING",
): Health {
  const watchers = new Set<WatchCall>();
  let ended = false;
  const knows = (service: string) => services.includes(service);
  const current = (): HealthCheckResponse => ({ status });
  const set = (next: ServingStatus) => {
    if (ended || next === status) return;
    status = next;
    for (const call of watchers) call.write(current());
  };
  return {
    knows,
    isServing: () => status === "SERVING",
    set,
    stopServing: () => {
      set("NOT_SERVING");
      ended = true;
    },
    handlers: {
      Check: (call: CheckCall, respond: sendUnaryData<HealthCheckResponse>) => {
        if (knows(call.request.service)) return respond(null, current());
        respond({ code: grpcStatus.NOT_FOUND, details: "unknown service" });
      },
      Watch: (call: WatchCall) => {
        if (!knows(call.request.service)) {
          // The stream stays open, as the protocol says: the service could be added later.
          return void call.write({ status: "SERVICE_UNKNOWN" });
        }
        watchers.add(call);
        call.on("cancelled", () => watchers.delete(call));
        call.write(current());
      },
      List: (_call: CheckCall, respond: sendUnaryData<unknown>) =>
        respond(null, { statuses: Object.fromEntries(services.map((name) => [name, current()])) }),
    },
  };
}
