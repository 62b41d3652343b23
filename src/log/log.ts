import { escapeControls, excerpt } from "../escape.ts";
import type { ServerEvents } from "../server/events.ts";
import type { Endpoint } from "../server/listen.ts";
import { MAX_USERNAME } from "../server/username.ts";
import { STATUS_NAMES } from "../status_name.ts";
import { lineLog } from "./line_log.ts";

/** The log of a server. */
export interface Log extends ServerEvents {
  /** The server accepts calls at these endpoints. */
  listening(endpoints: readonly Endpoint[]): void;
  /**
   * Waits until all lines are written.
   *
   * @param maxMs gives up after this many milliseconds, for a reader that never reads
   */
  flush(maxMs: number): Promise<void>;
}

/** Opens the log in the tutorial's form: calls on stdout, everything else on stderr. */
export function openLog(): Log {
  const stdout = lineLog(Deno.stdout, "stdout");
  const stderr = lineLog(Deno.stderr, "stderr");
  return {
    listening: (endpoints) => endpoints.forEach((endpoint) => stdout.line(startLine(endpoint))),
    callReceived: ({ method, username }) =>
      stdout.line(
        `Получен запрос к методу ${method} от пользователя: ${excerpt(username, MAX_USERNAME)}`,
      ),
    callFinished: ({ method, username, peer }, { code, reason }) => {
      if (reason === undefined) return;
      stderr.line(
        `usersvc serve: refused ${method} of "${excerpt(username)}" from ${peer}: ` +
          `${STATUS_NAMES[code]}: ${escapeControls(reason)}`,
      );
    },
    notice: ({ message }) => stderr.line(`usersvc serve: ${escapeControls(message)}`),
    flush: async (maxMs) => void await Promise.all([stdout.flush(maxMs), stderr.flush(maxMs)]),
  };
}

function startLine(endpoint: Endpoint): string {
  return "path" in endpoint
    ? `gRPC сервер запущен на сокете ${escapeControls(endpoint.path)}...`
    : `gRPC сервер запущен на порту ${endpoint.port}...`;
}
