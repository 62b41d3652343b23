import { defineCommand, UsageError } from "../cli/command.ts";
import { giveUpRunning } from "../cli/program.ts";
import { PATH, PORT_OR_FREE, wholeNumber } from "../cli/values.ts";
import { DELAY, FAILURE_CODES, FAILURES, INSTANCE, SEED } from "./fault_values.ts";
import { certAndKey } from "./tls_flags.ts";
import {
  DURATION,
  DURATION_OR_NONE,
  METADATA_NAMES,
  RECORD,
  WORKER_MEMORY,
  WORKERS,
} from "./value_ranges.ts";
import { LOG_FORMATS, type LogFormat } from "../telemetry/log_format.ts";
import { ExpectedError } from "../text/errors.ts";
import {
  ANY_HOST,
  DEFAULT_PORT,
  type Endpoint,
  ListenError,
  type TcpEndpoint,
} from "../contract/endpoint.ts";
import type { Faults } from "../server/faults/faults.ts";
import { LIMITS } from "../server/limits.ts";
import type { HttpAccess } from "../server/server.ts";
import type { TlsFiles } from "../server/connection/tls_server.ts";
import {
  descriptorsMissing,
  type ServeOptions,
  takeServerSignals,
} from "../processes/lifecycle.ts";
import type { PoolOptions } from "../processes/pool.ts";
import { procMissing } from "../workarounds/missing_proc.ts";

const HOST = {
  expects: "a host name or an IP address",
  parse: (text: string) => /^[\p{L}\p{N}.:%_-]+$/u.test(text) ? text : undefined,
};
const ORIGIN = {
  expects: "an origin such as https://example.com or http://localhost:3000",
  parse: (text: string) => {
    if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return undefined;
    const { origin, pathname, search, hash, username } = new URL(text);
    const isOrigin = pathname === "/" && search === "" && hash === "" && username === "";
    // A browser sends it without a slash at its end, and its host in lower case.
    return isOrigin ? origin : undefined;
  },
};
const DEFAULT_WORKER_MEMORY = "400MB";
const SERVING_STATUSES = ["SERVING", "NOT_SERVING"] as const;
const LOCAL_HOST = "127.0.0.1";

export const command = defineCommand({
  name: "serve",
  summary: "Run the server",
  details: `SIGINT (Ctrl-C) and SIGTERM drain it: it accepts no new connections, and calls
in flight have the time of --grace to finish. A second signal ends it at once.
SIGHUP reads the TLS files and the file of answers again, where there are any,
and drains a server that has none. SIGUSR2 turns over what health checks are
told: SERVING or NOT_SERVING. --until-stdin-closes drains it as well when
whoever holds the other end of its stdin is gone, even by SIGKILL.

usersvc serve [flags] -- COMMAND runs a command once calls are accepted, with
USERSVC_ADDRESS, USERSVC_PORT and USERSVC_PROTO (a file) in its environment.
stdout is the command's, the log is on stderr, and signals are passed on. When
the command ends, the server drains and exits with its exit code.

Faults are for tests of clients. A call gets those of the first of these that
apply to it: its metadata (--faults-by-metadata), --answers, then --fail and
--delay. Health checks and reflection never fail on purpose.`,
  obstacle: procMissing,
  operands: [{
    name: "COMMAND",
    help: "A command with its arguments, to run while the server serves",
    optional: true,
    repeats: true,
    afterDashes: true,
  }],
  flags: {
    host: {
      group: "Listen",
      value: "HOST",
      help: "The address to listen on; :: is every IPv4 and IPv6 one",
      ...HOST,
      defaultNote: `${ANY_HOST}, with COMMAND: ${LOCAL_HOST}`,
    },
    port: {
      group: "Listen",
      value: "PORT",
      help: "The port to listen on; 0 chooses a free one",
      ...PORT_OR_FREE,
      defaultNote: `${DEFAULT_PORT}, with COMMAND: a free one, with --unix: none`,
    },
    unix: {
      group: "Listen",
      value: "PATH",
      help: "Listen on a Unix socket; with --port as well, on both",
      ...PATH,
    },
    "tls-cert": {
      group: "TLS",
      value: "FILE",
      help: "Serve TLS with this certificate chain (PEM)",
      ...PATH,
    },
    "tls-key": {
      group: "TLS",
      value: "FILE",
      help: "The private key of the certificate (PEM)",
      ...PATH,
    },
    "tls-client-ca": {
      group: "TLS",
      value: "FILE",
      help: "Require client certificates of this authority (PEM)",
      ...PATH,
    },
    "no-http": { group: "HTTP", help: "Answer only gRPC over HTTP/2: no curl, gRPC-Web, page" },
    cors: {
      group: "HTTP",
      value: "ORIGIN",
      help: "Let pages of this origin call; can be given repeatedly",
      ...ORIGIN,
      repeats: true,
    },
    "no-reflection": { group: "Listen", help: "Do not offer server reflection" },
    grace: {
      group: "Processes",
      value: "DURATION",
      help: "How long calls in flight have to finish after a signal",
      ...DURATION_OR_NONE,
      default: "10s",
    },
    "until-stdin-closes": {
      group: "Processes",
      help: "Drain when stdin ends: when whoever holds it is gone",
    },
    "max-concurrent-streams": {
      group: "Listen",
      value: "N",
      help: "Let a client have N calls in flight on a connection",
      ...wholeNumber(1, LIMITS.concurrentStreams),
      defaultNote: `${LIMITS.concurrentStreams}`,
    },
    health: {
      group: "Processes",
      value: "STATUS",
      help: "What health says at first; SIGUSR2 turns it over",
      expects: "SERVING or NOT_SERVING",
      parse: (text) => SERVING_STATUSES.find((status) => status === text),
      default: "SERVING",
      suggestions: SERVING_STATUSES,
    },
    "max-connection-age": {
      group: "Listen",
      value: "DURATION",
      help: "Ask clients to open a new connection after this time",
      ...DURATION,
      defaultNote: "never",
    },
    delay: {
      group: "Faults",
      value: "DURATION",
      help: "Wait this long before each answer, or 50ms-200ms",
      ...DELAY,
    },
    fail: {
      group: "Faults",
      value: "CODE[:RATE],...",
      help: "Answer all calls, or a share of them, with this code",
      ...FAILURES,
      suggestions: FAILURE_CODES,
    },
    answers: {
      group: "Faults",
      value: "FILE",
      help: "Answer each username as this JSON file says",
      ...PATH,
    },
    "faults-by-metadata": {
      group: "Faults",
      help: "Let callers choose the faults of their own calls",
    },
    seed: {
      group: "Faults",
      value: "N",
      help: "Draw shares and ranges the same way in each run",
      ...SEED,
      defaultNote: "at random",
    },
    instance: {
      group: "Processes",
      value: "NAME",
      help: "Send this name as the metadata hostname of answers",
      ...INSTANCE,
      env: "USERSVC_INSTANCE",
    },
    workers: {
      group: "Processes",
      value: "N",
      help: "Serve with N processes; auto is one for each core",
      ...WORKERS,
      suggestions: ["auto"],
      defaultNote: "one process, which is never replaced",
    },
    "worker-memory": {
      group: "Processes",
      value: "SIZE",
      help: "Replace a worker that uses more memory than this",
      ...WORKER_MEMORY,
      defaultNote: DEFAULT_WORKER_MEMORY,
    },
    log: {
      group: "Log and metrics",
      value: "FORMAT",
      help: "text, json (an object per line), none (only warnings)",
      expects: "text, json or none",
      parse: (text) => LOG_FORMATS.find((format) => format === text),
      default: "text",
      suggestions: LOG_FORMATS,
    },
    "log-metadata": {
      group: "Log and metrics",
      value: "NAME,...",
      help: "Show this metadata in records of calls, maybe secrets",
      ...METADATA_NAMES,
      defaultNote: "none",
    },
    record: {
      group: "Log and metrics",
      value: "N",
      help: "Keep the last N calls, for GET /calls on the port",
      ...RECORD,
      defaultNote: "none",
    },
    "metrics-port": {
      group: "Log and metrics",
      value: "PORT",
      help: "Serve Prometheus metrics on this port; 0: a free one",
      ...PORT_OR_FREE,
    },
    "metrics-host": {
      group: "Log and metrics",
      value: "HOST",
      help: "The address that metrics are served on",
      ...HOST,
      defaultNote: LOCAL_HOST,
    },
  },
  examples: [
    { command: "usersvc serve", does: "Listen on port 50051, all addresses" },
    { command: "usersvc serve --port 0", does: "A free port; the start line has it" },
    { command: "usersvc serve --host 127.0.0.1", does: "Listen for this machine only" },
    { command: "usersvc serve --unix /tmp/usersvc.sock", does: "Listen on a Unix socket" },
    { command: "usersvc serve --workers auto", does: "Use every core, survive a crash" },
    { command: "usersvc serve --fail UNAVAILABLE:0.1", does: "Fail a tenth of the calls" },
    { command: "usersvc serve -- go test ./...", does: "Serve while a command runs" },
    { command: "usersvc serve --answers answers.json", does: "Answer as the file says" },
  ],
  run: async (flags, words) => {
    const hasCommand = words.length > 0;
    if (hasCommand && flags["until-stdin-closes"]) {
      throw new UsageError(
        "--until-stdin-closes cannot be combined with -- COMMAND, whose stdin it is",
      );
    }
    const endpoints = hasCommand
      ? endpointsOf(flags.host, flags.port, flags.unix, { host: LOCAL_HOST, port: 0 })
      : endpointsOf(flags.host, flags.port, flags.unix);
    const http = httpAccess(flags["no-http"], flags.cors);
    const tls = tlsFiles(flags["tls-cert"], flags["tls-key"], flags["tls-client-ca"]);
    const metrics = metricsEndpoint(flags["metrics-host"], flags["metrics-port"]);
    const age = flags["max-connection-age"];
    const streams = flags["max-concurrent-streams"];
    const options: ServeOptions = {
      endpoints,
      ...(tls && { tls }),
      ...(age && { maxConnectionAgeMs: age }),
      ...(streams && { maxConcurrentStreams: streams }),
      health: flags.health,
      ...(http && { http }),
      reflection: !flags["no-reflection"],
      faults: withSeed(
        {
          ...(flags["faults-by-metadata"] && { byMetadata: true }),
          ...(flags.answers &&
            { answers: { path: flags.answers, workers: flags.workers !== undefined } }),
          ...(flags.delay?.maxMs && { delay: flags.delay }),
          ...(flags.fail && { fail: flags.fail }),
        },
        flags.seed,
        flags.workers,
      ),
      ...(flags.instance && { instance: flags.instance }),
      graceMs: flags.grace,
      log: flags.log,
      ...(metrics && { metrics }),
      ...recording(flags.record, http, flags.workers),
      ...metadataShown(flags["log-metadata"], flags.log, flags.record),
      ...(hasCommand && { hasCommand }),
      ...(flags["until-stdin-closes"] && { untilStdinCloses: true }),
    };
    const pool = poolOptions(flags.workers, flags["worker-memory"]);
    const missing = descriptorsMissing(options, pool?.workers);
    if (missing !== undefined) throw new ExpectedError(missing);
    try {
      return await serve(options, pool, words);
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      const { listenAdvice } = await import("./listen_advice.ts");
      throw new ExpectedError(error.message + listenAdvice(error));
    }
  },
});

async function serve(
  options: ServeOptions,
  pool: PoolOptions | undefined,
  words: readonly string[],
): Promise<number> {
  // Only a supervisor starts its workers, and only a command is started.
  if (pool === undefined && words.length === 0) giveUpRunning();
  const command = words.length === 0 ? undefined : await openCommand(options, words);
  if (pool !== undefined) {
    const { serveWithWorkers } = await import("../processes/supervisor.ts");
    return await serveWithWorkers(options, pool, command);
  }
  const { serveAlone } = await import("../processes/alone.ts");
  return await serveAlone(options, command);
}

async function openCommand(options: ServeOptions, words: readonly string[]) {
  const { openChildCommand } = await import("../processes/child_command.ts");
  return openChildCommand(words, takeServerSignals(options, ["SIGQUIT"]));
}

function endpointsOf(
  host: string | undefined,
  port: number | undefined,
  path: string | undefined,
  preset: TcpEndpoint = { host: ANY_HOST, port: DEFAULT_PORT },
): Endpoint[] {
  const tcp = { host: host ?? preset.host, port: port ?? preset.port };
  if (path === undefined) return [tcp];
  if (Deno.build.os === "windows") throw new UsageError("--unix does not work on Windows");
  if (port !== undefined) return [tcp, { path }];
  if (host !== undefined) throw new UsageError("--host needs --port where --unix is given");
  return [{ path }];
}

function httpAccess(without: boolean, cors: readonly string[]): HttpAccess | undefined {
  if (!without) return { cors };
  if (cors.length > 0) throw new UsageError("--cors cannot be combined with --no-http");
  return undefined;
}

function withSeed(faults: Faults, seed: number | undefined, workers: number | undefined): Faults {
  if (seed === undefined) return faults;
  if (Object.keys(faults).length === 0) {
    throw new UsageError("--seed needs --fail, --delay, --answers or --faults-by-metadata");
  }
  if (workers !== undefined) {
    throw new UsageError(
      "--seed cannot be combined with --workers: which of them gets a call is chance",
    );
  }
  return { ...faults, seed };
}

function metadataShown(
  names: readonly string[] | undefined,
  log: LogFormat,
  record: number | undefined,
): Pick<ServeOptions, "logMetadata"> {
  if (names === undefined) return {};
  if (log !== "json" && record === undefined) {
    throw new UsageError(
      "--log-metadata needs --log json or --record: no other log shows metadata",
    );
  }
  return { logMetadata: names };
}

function recording(
  record: number | undefined,
  http: HttpAccess | undefined,
  workers: number | undefined,
): Pick<ServeOptions, "record"> {
  if (record === undefined) return {};
  if (http === undefined) {
    throw new UsageError("--record cannot be combined with --no-http: /calls is asked for by HTTP");
  }
  if (workers !== undefined) {
    throw new UsageError(
      "--record cannot be combined with --workers: each of them sees a part of the calls",
    );
  }
  return { record };
}

function metricsEndpoint(
  host: string | undefined,
  port: number | undefined,
): TcpEndpoint | undefined {
  if (port !== undefined) return { host: host ?? LOCAL_HOST, port };
  if (host !== undefined) throw new UsageError("--metrics-host needs --metrics-port");
  return undefined;
}

function tlsFiles(
  cert: string | undefined,
  key: string | undefined,
  clientCa: string | undefined,
): TlsFiles | undefined {
  const identity = certAndKey(cert, key);
  if (identity === undefined) {
    if (clientCa !== undefined) throw new UsageError("--tls-client-ca needs --tls-cert, --tls-key");
    return undefined;
  }
  return { ...identity, ...(clientCa && { clientCa }) };
}

function poolOptions(
  workers: number | undefined,
  workerMemory: number | undefined,
): PoolOptions | undefined {
  if (workers === undefined) {
    if (workerMemory !== undefined) throw new UsageError("--worker-memory needs --workers");
    return undefined;
  }
  // Connections cannot be handed to another process there.
  if (Deno.build.os === "windows") throw new UsageError("--workers does not work on Windows");
  return { workers, workerMemory: workerMemory ?? WORKER_MEMORY.parse(DEFAULT_WORKER_MEMORY)! };
}
