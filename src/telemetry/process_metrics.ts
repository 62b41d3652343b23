import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { ServerEvents } from "../contract/events.ts";
import { STATUS_NAMES, type StatusName, statusName } from "../contract/status_codes.ts";
import type { Snapshot } from "./ledger.ts";

/** The metrics of one server process. */
export interface ProcessMetrics {
  /** Counts the calls and connections of a server. */
  readonly events: ServerEvents;
  /** The metrics as they are now. */
  snapshot(): Promise<Snapshot>;
}

/** From the time of a plain answer, 100 us, to that of one that is delayed on purpose, 10 s. */
const BUCKETS_SECONDS = [
  ...[0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05],
  ...[0.1, 0.25, 0.5, 1, 2.5, 5, 10],
];

/**
 * Makes the metrics of this process. Names and labels are those of go-grpc-prometheus, so that
 * its dashboards and alerts fit.
 *
 * The calls counted are those of `GetUser` that reach its handler: neither health and reflection,
 * nor what grpc-js refuses by itself, such as an unknown method.
 *
 * @param worker the number of this process among the workers; 1 where it is alone
 * @see https://github.com/grpc-ecosystem/go-grpc-prometheus#metrics
 */
export function processMetrics(worker: number): ProcessMetrics {
  const registry = new Registry();
  const calls = countCalls(registry);
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
      ...calls,
      connectionOpened: () => connections.inc(),
      connectionClosed: () => connections.dec(),
      notice() {},
    },
    snapshot: () => registry.getMetricsAsJSON(),
  };
}

function countCalls(registry: Registry): Pick<ServerEvents, "callReceived" | "callFinished"> {
  const labelNames = ["grpc_type", "grpc_service", "grpc_method"] as const;
  const labels = ["unary", "userservice.UserService", "GetUser"] as const;
  const registers = [registry];
  const started = new Counter({
    name: "grpc_server_started_total",
    help: "RPCs started on the server.",
    labelNames,
    registers,
  }).labels(...labels);
  const handled = new Counter({
    name: "grpc_server_handled_total",
    help: "RPCs completed on the server, whatever their status code.",
    labelNames: [...labelNames, "grpc_code"] as const,
    registers,
  });
  const handledByCode = STATUS_NAMES.map((name) => handled.labels(...labels, codeLabel(name)));
  const faults = new Counter({
    name: "usersvc_faults_total",
    help: "RPCs to which something was done on purpose, by who wanted it.",
    labelNames: ["source", "code"] as const,
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
  for (const counter of handledByCode) counter.inc(0);
  handling.zero({ grpc_type: labels[0], grpc_service: labels[1], grpc_method: labels[2] });
  const handlingTime = handling.labels(...labels);
  return {
    callReceived: () => started.inc(),
    callFinished: (_, { code, fault, timeMs }) => {
      if (fault !== undefined) {
        faults.inc({ source: fault.source, code: codeLabel(statusName(code)) });
      }
      handledByCode[code]?.inc();
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

/** Makes one listener of several: each is told every event, in the order of the list. */
export function tellAll(listeners: readonly ServerEvents[]): ServerEvents {
  return {
    connectionOpened: () => listeners.forEach((one) => one.connectionOpened()),
    connectionClosed: () => listeners.forEach((one) => one.connectionClosed()),
    callReceived: (call) => listeners.forEach((one) => one.callReceived(call)),
    callFinished: (call, outcome) => listeners.forEach((one) => one.callFinished(call, outcome)),
    notice: (notice) => listeners.forEach((one) => one.notice(notice)),
  };
}
