import { defineCommand } from "../cli/command.ts";
import { parsePortOrFree, PORT_OR_FREE } from "../cli/port.ts";
import { giveUpRunning } from "../cli/running.ts";
import { parseSize, SIZE } from "../cli/size.ts";
import { UsageError } from "../cli/usage_error.ts";
import { parseWorkerCount, WORKER_COUNT } from "../cli/worker_count.ts";

/** How long calls in flight may take after the first signal, in milliseconds. */
const GRACE_MS = 10_000;

export const command = defineCommand({
  name: "serve",
  summary: "Run the server",
  details: `SIGINT (Ctrl-C) and SIGTERM drain it: calls in flight may finish for ${
    GRACE_MS / 1000
  } s.
A second signal ends it at once.`,
  operands: [],
  flags: {
    host: {
      value: "HOST",
      help: "The address to listen on; :: is all of IPv4 and IPv6",
      expects: "a host name or an IP address",
      parse: (text) => /^[\p{L}\p{N}.:%_-]+$/u.test(text) ? text : undefined,
      default: "::",
    },
    port: {
      value: "PORT",
      help: "The port to listen on; 0 takes a free one",
      expects: PORT_OR_FREE,
      parse: parsePortOrFree,
      default: "50051",
    },
    workers: {
      value: "N",
      help: "Serve with N processes, or one per core (auto), and replace those that die or grow",
      expects: WORKER_COUNT,
      parse: parseWorkerCount,
    },
    "worker-memory": {
      value: "SIZE",
      help: "Replace a worker whose memory passes this",
      expects: SIZE,
      parse: parseSize,
      default: "400MB",
    },
  },
  examples: [
    { command: "usersvc serve", does: "Listen on port 50051, all addresses" },
    {
      command: "usersvc serve --port 0",
      does: "Listen on a free port, printed at the start",
    },
    {
      command: "usersvc serve --host 127.0.0.1",
      does: "Listen for this machine alone",
    },
    {
      command: "usersvc serve --workers auto",
      does: "Use every core, and outlive a worker's end",
    },
  ],
  run: async ({ host, port, workers, "worker-memory": workerMemory }) => {
    const options = { endpoint: { host, port }, graceMs: GRACE_MS };
    if (workers === undefined) {
      giveUpRunning();
      const { serveAlone } = await import("../serving/alone.ts");
      return await serveAlone(options);
    }
    if (Deno.build.os === "windows") {
      throw new UsageError("--workers does not work on Windows, which cannot hand connections on");
    }
    const { serveWithWorkers } = await import("../serving/supervisor.ts");
    return await serveWithWorkers(options, { workers, workerMemory });
  },
});
