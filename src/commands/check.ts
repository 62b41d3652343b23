import { defineCommand } from "../cli/command.ts";
import { exitCodeOfSignal, takeStopSignals } from "../cli/exit.ts";
import { OutputError, writeAll, writeError } from "../cli/output.ts";
import type { ConnectionOptions } from "../client/connection_options.ts";
import type { CheckOptions } from "../client/health_client.ts";
import {
  connectingObstacle,
  connectionFlags,
  connectionOf,
  timeoutFlag,
} from "./connection_flags.ts";

/**
 * The exit codes of a health check, which are those of grpc-health-probe.
 *
 * @see https://github.com/grpc-ecosystem/grpc-health-probe#health-check-exit-codes
 */
const CheckExitCode = {
  SERVING: 0,
  /** The command line is wrong, or a TLS file that it names. */
  USAGE: 1,
  /** No connection could be made in time. */
  NOT_CONNECTED: 2,
  /** The call failed: the deadline, an unknown service, a server without health service. */
  CALL_FAILED: 3,
  /** The server has answered with another status than `SERVING`. */
  NOT_SERVING: 4,
} as const;

/** How long a watch that was interrupted waits before it asks again, in milliseconds. */
const RETRY_MS = 1_000;

/** Reported for all failures that leave open whether a server runs. */
const OUTAGE = "UNAVAILABLE";

/** Only a server that runs answers with these codes, so they are reported during an outage too. */
const REFUSALS: readonly string[] = [
  "INVALID_ARGUMENT",
  "NOT_FOUND",
  "PERMISSION_DENIED",
  "UNAUTHENTICATED",
];

export const command = defineCommand({
  name: "check",
  summary: "Ask a server for its health",
  details: `Prints the status. The exit code is 0 for SERVING, otherwise that of
grpc-health-probe: 1 wrong command line, 2 no connection, 3 the call failed,
4 another status.`,
  obstacle: connectingObstacle,
  operands: [],
  flags: {
    service: {
      group: "Check",
      value: "NAME",
      help: "The full name of the service to ask about",
      expects: "the full name of a service",
      parse: (text) => text,
      defaultNote: "the server as a whole",
    },
    ...connectionFlags,
    timeout: { group: "Check", ...timeoutFlag, default: "1s" },
    watch: { group: "Check", help: "Print each change until a signal; goes on after outages" },
  },
  examples: [
    { command: "usersvc check", does: "Check the server on this machine" },
    {
      command: "usersvc check --service userservice.UserService",
      does: "Check one of its services",
    },
    { command: "usersvc check --watch", does: "Print each change of its status" },
  ],
  usageExitCode: CheckExitCode.USAGE,
  run: async ({ service = "", timeout: timeoutMs, watch, ...flags }) => {
    const connection = connectionOf(flags);
    const options = { service, timeoutMs };
    return watch ? await watchUntilSignal(connection, options) : await check(connection, options);
  },
});

async function check(connection: ConnectionOptions, options: CheckOptions): Promise<number> {
  const { openHealthClient } = await import("../client/health_client.ts");
  const client = await openHealthClient(connection);
  const result = await client.check(options);
  client.close();
  if ("status" in result) {
    await writeAll(Deno.stdout, `${result.status}\n`);
    return result.status === "SERVING" ? CheckExitCode.SERVING : CheckExitCode.NOT_SERVING;
  }
  const { error, connected } = result;
  writeError(`usersvc check: ${(await failure(error, connection, options)).line}`);
  return connected ? CheckExitCode.CALL_FAILED : CheckExitCode.NOT_CONNECTED;
}

async function watchUntilSignal(
  connection: ConnectionOptions,
  options: CheckOptions,
): Promise<number> {
  const signal = takeStopSignals().next();
  return await Promise.race([watch(connection, options), signal.then(exitCodeOfSignal)]);
}

/** Watches until the reader of stdout has gone, or the server turns out to have no health service. */
async function watch(connection: ConnectionOptions, options: CheckOptions): Promise<number> {
  const { openHealthClient } = await import("../client/health_client.ts");
  const client = await openHealthClient(connection);
  // The codes reported since the last status: an outage is reported once, not at every try.
  const reported = new Set<string>();
  for (;;) {
    let name = OUTAGE, line = `the server at ${connection.target.name} has ended the watch`;
    let last = "";
    try {
      for await (const status of client.watch(options)) {
        reported.clear();
        if (status === last) continue;
        last = status;
        if (!await writeAll(Deno.stdout, `${status}\n`)) return CheckExitCode.SERVING;
      }
    } catch (error) {
      if (error instanceof OutputError) throw error;
      ({ name, line } = await failure(error, connection, options));
      if (name === "UNIMPLEMENTED") {
        writeError(`usersvc check: ${line}`);
        return CheckExitCode.CALL_FAILED;
      }
    }
    const news = REFUSALS.includes(name) ? name : OUTAGE;
    if (!reported.has(news)) writeError(`usersvc check: ${line}; trying again every second`);
    reported.add(news);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

async function failure(
  error: unknown,
  { target }: ConnectionOptions,
  { service, timeoutMs }: CheckOptions,
): Promise<{ readonly name: string; readonly line: string }> {
  const { describeFailure, failureLine } = await import("../client/failure.ts");
  const described = describeFailure(error, timeoutMs);
  const { name, reason } = described;
  return { name, line: failureLine(described, target.name, remark(name, service, reason)) };
}

function remark(name: string, service: string, reason: string): string {
  if (name === "NOT_FOUND" && service !== "") return ` (--service ${service})`;
  // A proxy's page with 404 does not say which services the server has.
  if (reason.startsWith("the answer is not gRPC")) return "";
  return name === "UNIMPLEMENTED" ? " (it has no grpc.health.v1.Health)" : "";
}
