import { defineCommand } from "../cli/command.ts";
import { LOG_FORMATS } from "../log/formats.ts";
import { parsePortOrFree, PORT_OR_FREE } from "../cli/port.ts";

const HOST = {
  expects: "a host name or an IP address",
  parse: (text: string) => /^[\p{L}\p{N}.:%_-]+$/u.test(text) ? text : undefined,
};

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
      ...HOST,
      default: "::",
    },
    port: {
      value: "PORT",
      help: "The port to listen on; 0 takes a free one",
      expects: PORT_OR_FREE,
      parse: parsePortOrFree,
      default: "50051",
    },
    log: {
      value: "FORMAT",
      help: "text, json (one object a line) or none (warnings stay)",
      expects: "text, json or none",
      parse: (text) => LOG_FORMATS.find((format) => format === text),
      default: "text",
    },
    "metrics-port": {
      value: "PORT",
      help: "Serve Prometheus metrics on this port; 0 takes a free one",
      expects: PORT_OR_FREE,
      parse: parsePortOrFree,
    },
    "metrics-host": {
      value: "HOST",
      help: "The address to serve metrics on",
      ...HOST,
      default: "127.0.0.1",
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
  ],
  run: async ({ host, port, log, ...flags }) => {
    const { serveAlone } = await import("../serving/alone.ts");
    const metricsPort = flags["metrics-port"];
    return await serveAlone({
      endpoint: { host, port },
      graceMs: GRACE_MS,
      log,
      ...(metricsPort === undefined
        ? {}
        : { metrics: { host: flags["metrics-host"], port: metricsPort } }),
    });
  },
});
