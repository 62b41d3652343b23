import { defineCommand } from "../cli/command.ts";
import { ExitCode } from "../cli/exit_code.ts";
import { type LineLog, lineLog } from "../cli/line_log.ts";
import { writeError } from "../cli/output.ts";
import { parsePortOrFree, PORT_OR_FREE } from "../cli/port.ts";
import { exitCodeOfSignal, takeStopSignals } from "../cli/signals.ts";
import { excerpt } from "../escape.ts";
import type { GetUserEvents } from "../server/get_user.ts";
import { MAX_USERNAME } from "../server/username.ts";

/** How long calls in flight may take after the first signal, in milliseconds. */
const GRACE_MS = 10_000;

/** How long the last log lines may take to be read, in milliseconds. */
const FLUSH_MS = 1_000;

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
  run: async (endpoint) => {
    const [{ startServer }, { ListenError }, { denoFault }] = await Promise.all(
      [
        import("../server/server.ts"),
        import("../server/listen.ts"),
        import("../server/deno_faults.ts"),
      ],
    );
    const fault = denoFault(Deno.version.deno);
    if (fault !== undefined) writeError(`usersvc serve: warning: ${fault}`);
    const stdout = lineLog(Deno.stdout, "stdout");
    const stderr = lineLog(Deno.stderr, "stderr");
    const signals = takeStopSignals();
    let server;
    try {
      server = await startServer(endpoint, callLog(stdout, stderr));
    } catch (error) {
      if (!(error instanceof ListenError)) throw error;
      writeError(`usersvc serve: ${error.message}`);
      return ExitCode.FAILURE;
    }
    stdout.line(`gRPC сервер запущен на порту ${server.port}...`);
    await signals.next();
    const exitCode = await Promise.race([
      server.drain(GRACE_MS).then(() => ExitCode.OK),
      signals.next().then(exitCodeOfSignal),
    ]);
    await Promise.all([stdout.flush(FLUSH_MS), stderr.flush(FLUSH_MS)]);
    return exitCode;
  },
});

function callLog(stdout: LineLog, stderr: LineLog): GetUserEvents {
  return {
    received: (username) =>
      stdout.line(
        `Получен запрос к методу GetUser от пользователя: ${excerpt(username, MAX_USERNAME)}`,
      ),
    refused: (username, peer, fault) =>
      stderr.line(
        `usersvc serve: refused GetUser of "${excerpt(username)}" from ${peer}: ` +
          `INVALID_ARGUMENT: ${fault}`,
      ),
  };
}
