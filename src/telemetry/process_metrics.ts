import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Outcome, ServerEvents } from "../contract/events.ts";
import { STATUS_NAMES, type StatusName } from "../contract/status_codes.ts";
import type { Snapshot } from "./pool_metrics.ts";

/** The metrics of one server process. */
interface ProcessMetrics {
  /** Counts the calls and connections of a server. */
  readonly events: Required<ServerEvents>;
  /** The metrics as they are now, for the sum of several processes. */
  snapshot(): Promise<Snapshot>;
  /** The same as Prometheus text. */
  text(): Promise<string>;
}

/** A listener to all but connections, which are only counted. */
type Log = Omit<ServerEvents, "connectionOpened" | "connectionClosed">;

/** From the time of a plain answer, 100 us, to that of one that is delayed on purpose, 10 s. */
const BUCKETS_SECONDS = [
  ...[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05],
  ...[0.1, 0.25, 0.5, 1, 2.5, 5, 10],
];

/** The labels of the one method that is counted. */
const GET_USER = {
  grpc_type: "unary",
  grpc_service: "userservice.UserService",
  grpc_method: "GetUser",
} as const;

/**
 * Makes the metrics of this process. Names and labels are those of go-grpc-prometheus, so that
 * its dashboards and alerts fit.
 *
 * The calls counted are those of `GetUser` that reach its handler: neither health and reflection,
 * nor what grpc-js refuses by itself, such as an unknown method.
 *
 * @param worker the number of this process among the workers; 1 where it is alone
 * @param log receives each call before it is counted
 * @see https://github.com/grpc-ecosystem/go-grpc-prometheus#metrics
 */
export function processMetrics(worker: number, log: Log): ProcessMetrics {
  const registry = new Registry();
  const calls = callMetrics(registry);
  const connections = new Gauge({
    name: "usersvc_open_connections",
    help: "Connections that are open now.",
    registers: [registry],
  });
  new Gauge({
    name: "usersvc_worker_memory_bytes",
    help: "Resident memory of a server process.",
    labelNames: ["worker"],
    // While a worker is replaced, two processes have its number.
    aggregator: "max",
    registers: [registry],
    collect() {
      this.set({ worker }, Deno.memoryUsage().rss);
    },
  });
  return {
    events: {
      connectionOpened: () => connections.inc(),
      connectionClosed: () => connections.dec(),
      callReceived(call) {
        log.callReceived(call);
        calls.received();
      },
      callFinished(call, outcome) {
        log.callFinished(call, outcome);
        calls.finished(outcome);
      },
      notice: log.notice,
    },
    snapshot: () => registry.getMetricsAsJSON(),
    text: () => registry.metrics(),
  };
}

function callMetrics(registry: Registry) {
  const labelNames = Object.keys(GET_USER);
  const registers = [registry];
  const started = new Counter({
    name: "grpc_server_started_total",
    help: "RPCs started on the server.",
    labelNames,
    registers,
  }).labels(GET_USER);
  const handled = new Counter({
    name: "grpc_server_handled_total",
    help: "RPCs completed on the server, whatever their status code.",
    labelNames: [...labelNames, "grpc_code"],
    registers,
  });
  const handledByCode = new Map(
    STATUS_NAMES.map((name) => [
      name,
      handled.labels({ ...GET_USER, grpc_code: codeLabel(name) }),
    ]),
  );
  const faults = new Counter({
    name: "usersvc_faults_total",
    help: "RPCs to which something was done on purpose, by who wanted it.",
    labelNames: ["source", "code"],
    registers,
  });
  const handling = new Histogram({
    name: "grpc_server_handling_seconds",
    help: "Seconds from the arrival of an RPC in its handler to its end.",
    labelNames,
    buckets: BUCKETS_SECONDS,
    registers,
  });
  // Every series starts at 0: Prometheus cannot see the increase of one that starts at 1.
  started.inc(0);
  for (const counter of handledByCode.values()) counter.inc(0);
  handling.zero(GET_USER);
  const handlingTime = handling.labels(GET_USER);
  return {
    received: () => started.inc(),
    finished({ code, fault, timeMs }: Outcome) {
      if (fault !== undefined) {
        faults.inc({ source: fault.source, code: codeLabel(code) });
      }
      handledByCode.get(code)!.inc();
      handlingTime.observe(timeMs / 1000);
    },
  };
}

/**
 * The value of the label `grpc_code`, as Go names the status code: `OK`, `InvalidArgument`.
 *
 * @see https://pkg.go.dev/google.golang.org/grpc/codes#Code.String
 */
export function codeLabel(name: StatusName): string {
  if (name === "OK") return name;
  if (name === "CANCELLED") return "Canceled";
  return name.split("_").map((word) => word[0] + word.slice(1).toLowerCase()).join("");
}
