import { defineCommand, UsageError } from "../cli/command.ts";
import { escapeControls } from "../cli/escape.ts";
import { ExitCode } from "../cli/exit.ts";
import { writeError } from "../cli/output.ts";
import { giveUpRunning } from "../cli/program.ts";
import { PATH, PORT_OR_FREE } from "../cli/values.ts";
import { DELAY, FAILURE_CODES, FAILURES, INSTANCE } from "./fault_values.ts";
import { DURATION, DURATION_OR_NONE, WORKER_MEMORY, WORKERS } from "./value_ranges.ts";
import { LOG_FORMATS } from "../telemetry/log_format.ts";
import { AnswersError } from "../server/faults/answers_error.ts";
import type { Endpoint, TcpEndpoint } from "../server/listen.ts";
import type { HttpAccess } from "../server/server.ts";
import type { TlsFiles } from "../server/tls_server.ts";
import { descriptorsMissing } from "../processes/resources.ts";
import type { ServeOptions } from "../processes/lifecycle.ts";
import type { PoolOptions } from "../processes/pool.ts";
import { denoFault } from "../workarounds/deno_versions.ts";
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
const DEFAULT_HOST = "::";
const DEFAULT_PORT = 50051;
const DEFAULT_WORKER_MEMORY = "400MB";
const DEFAULT_METRICS_HOST = "127.0.0.1";

export const command = defineCommand({
  name: "serve",
  summary: "Run the server",
  details: `SIGINT (Ctrl-C) and SIGTERM drain it: no new connections, calls in flight may
finish for the grace period. A second signal ends it at once. SIGHUP reads the
TLS files and the file of answers again.

Of what is done on purpose, a call's own metadata (--faults-by-metadata) decides
first, then --answers, then --fail and --delay. Health and reflection are never
touched. With --faults-by-metadata any caller may ask, so keep it to tests.`,
  obstacle: procMissing,
  operands: [],
  flags: {
    host: {
      value: "HOST",
      help: "The address to listen on; :: is all of IPv4 and IPv6",
      ...HOST,
      defaultNote: DEFAULT_HOST,
    },
    port: {
      value: "PORT",
      help: "The port to listen on; 0 takes a free one",
      ...PORT_OR_FREE,
      defaultNote: `${DEFAULT_PORT}, with --unix: no port`,
    },
    unix: {
      value: "PATH",
      help: "Listen on a Unix socket; with --port, on both",
      ...PATH,
    },
    "tls-cert": {
      value: "FILE",
      help: "Serve TLS with this certificate chain (PEM)",
      ...PATH,
    },
    "tls-key": {
      value: "FILE",
      help: "The certificate's private key (PEM)",
      ...PATH,
    },
    "tls-client-ca": {
      value: "FILE",
      help: "Demand client certificates signed by this authority",
      ...PATH,
    },
    "no-http": { help: "Answer gRPC over HTTP/2 alone: no curl, gRPC-Web, page" },
    cors: {
      value: "ORIGIN",
      help: "Let pages of this origin read answers; repeats",
      ...ORIGIN,
      repeats: true,
    },
    "no-reflection": { help: "Do not offer server reflection" },
    grace: {
      value: "DURATION",
      help: "How long calls in flight may finish after a signal",
      ...DURATION_OR_NONE,
      default: "10s",
    },
    "max-connection-age": {
      value: "DURATION",
      help: "Have clients open a new connection after this time",
      ...DURATION,
      defaultNote: "never",
    },
    delay: {
      value: "DURATION",
      help: "Answer each call late, on purpose",
      ...DELAY,
    },
    fail: {
      value: "CODE[:RATE],...",
      help: "Fail calls, or a share of them, on purpose",
      ...FAILURES,
      suggestions: FAILURE_CODES,
    },
    answers: {
      value: "FILE",
      help: "Answer usernames as this file (JSON) says",
      ...PATH,
    },
    "faults-by-metadata": { help: "Let any caller ask for faults of its own calls" },
    instance: {
      value: "NAME",
      help: "Send this name with every answer, as hostname",
      ...INSTANCE,
      env: "USERSVC_INSTANCE",
    },
    workers: {
      value: "N",
      help: "Serve with N processes, or one per core (auto)",
      ...WORKERS,
      suggestions: ["auto"],
      defaultNote: "one process, which is not replaced",
    },
    "worker-memory": {
      value: "SIZE",
      help: "Replace a worker whose memory passes this",
      ...WORKER_MEMORY,
      defaultNote: DEFAULT_WORKER_MEMORY,
    },
    log: {
      value: "FORMAT",
      help: "text, json (one object a line) or none (warnings stay)",
      expects: "text, json or none",
      parse: (text) => LOG_FORMATS.find((format) => format === text),
      default: "text",
      suggestions: LOG_FORMATS,
    },
    "metrics-port": {
      value: "PORT",
      help: "Serve Prometheus metrics here; 0 takes a free one",
      ...PORT_OR_FREE,
    },
    "metrics-host": {
      value: "HOST",
      help: "The address to serve metrics on",
      ...HOST,
      defaultNote: DEFAULT_METRICS_HOST,
    },
  },
  examples: [
    { command: "usersvc serve", does: "Listen on port 50051, all addresses" },
    { command: "usersvc serve --port 0", does: "Listen on a free port, printed first" },
    { command: "usersvc serve --host 127.0.0.1", does: "Listen for this machine alone" },
    { command: "usersvc serve --unix /tmp/usersvc.sock", does: "Listen on a Unix socket" },
    { command: "usersvc serve --workers auto", does: "Use every core, outlive a crash" },
    { command: "usersvc serve --fail UNAVAILABLE:0.1", does: "Fail a tenth of the calls" },
    { command: "usersvc serve --answers answers.json", does: "Answer as a file says" },
  ],
  run: async (flags) => {
    const endpoints = endpointsOf(flags.host, flags.port, flags.unix);
    const http = httpAccess(flags["no-http"], flags.cors);
    const tls = tlsFiles(flags["tls-cert"], flags["tls-key"], flags["tls-client-ca"]);
    const metrics = metricsEndpoint(flags["metrics-host"], flags["metrics-port"]);
    const age = flags["max-connection-age"];
    const options: ServeOptions = {
      endpoints,
      ...(tls === undefined ? {} : { tls }),
      ...(age === undefined ? {} : { maxConnectionAgeMs: age }),
      ...(http === undefined ? {} : { http }),
      reflection: !flags["no-reflection"],
      faults: {
        ...(flags["faults-by-metadata"] && { byMetadata: true }),
        ...(flags.answers && { answers: { path: flags.answers, processes: flags.workers ?? 1 } }),
        ...(flags.delay?.maxMs && { delay: flags.delay }),
        ...(flags.fail && { fail: flags.fail }),
      },
      ...(flags.instance && { instance: flags.instance }),
      graceMs: flags.grace,
      log: flags.log,
      ...(metrics === undefined ? {} : { metrics }),
    };
    const pool = poolOptions(flags.workers, flags["worker-memory"]);
    const missing = descriptorsMissing(flags.unix !== undefined, pool?.workers);
    if (missing !== undefined) {
      writeError(`usersvc serve: ${missing}`);
      return ExitCode.FAILURE;
    }
    try {
      return await serve(options, pool);
    } catch (error) {
      const { describeListenError } = await import("./listen_advice.ts");
      const described = error instanceof AnswersError ? error.message : describeListenError(error);
      if (described === undefined) throw error;
      // It may quote a path or a file.
      writeError(`usersvc serve: ${escapeControls(described)}`);
      return ExitCode.FAILURE;
    }
  },
});

async function serve(options: ServeOptions, pool: PoolOptions | undefined): Promise<number> {
  const fault = denoFault(Deno.version.deno);
  if (fault !== undefined) writeError(`usersvc serve: warning: ${fault}`);
  if (pool !== undefined) {
    const { serveWithWorkers } = await import("../processes/supervisor.ts");
    return await serveWithWorkers(options, pool);
  }
  giveUpRunning();
  const { serveAlone } = await import("../processes/alone.ts");
  return await serveAlone(options, "--workers replaces processes that grow");
}

function endpointsOf(
  host: string | undefined,
  port: number | undefined,
  path: string | undefined,
): Endpoint[] {
  const tcp = { host: host ?? DEFAULT_HOST, port: port ?? DEFAULT_PORT };
  if (path === undefined) return [tcp];
  if (Deno.build.os === "windows") throw new UsageError("--unix does not work on Windows");
  if (port !== undefined) return [tcp, { path }];
  if (host !== undefined) throw new UsageError("--host needs --port where --unix is given");
  return [{ path }];
}

function httpAccess(without: boolean, cors: readonly string[]): HttpAccess | undefined {
  if (!without) return { cors };
  if (cors.length > 0) throw new UsageError("--cors makes no sense with --no-http");
  return undefined;
}

function metricsEndpoint(
  host: string | undefined,
  port: number | undefined,
): TcpEndpoint | undefined {
  if (port !== undefined) return { host: host ?? DEFAULT_METRICS_HOST, port };
  if (host !== undefined) throw new UsageError("--metrics-host needs --metrics-port");
  return undefined;
}

function tlsFiles(
  cert: string | undefined,
  key: string | undefined,
  clientCa: string | undefined,
): TlsFiles | undefined {
  if (cert === undefined && key === undefined) {
    if (clientCa !== undefined) throw new UsageError("--tls-client-ca needs --tls-cert, --tls-key");
    return undefined;
  }
  if (cert === undefined) throw new UsageError("--tls-key needs --tls-cert");
  if (key === undefined) throw new UsageError("--tls-cert needs --tls-key");
  return { cert, key, ...(clientCa === undefined ? {} : { clientCa }) };
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
