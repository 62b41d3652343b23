import { escapeControls, excerpt } from "../text/escape.ts";
import type { Call, Notice, Outcome } from "../contract/events.ts";
import type { Endpoint } from "../contract/endpoint.ts";
import { MAX_USERNAME } from "../contract/username.ts";
import { statusName } from "../contract/status_codes.ts";
import type { LineLog } from "./line_log.ts";
import { levelOfCall, type LogEvents } from "./log_format.ts";

/** The tutorial's lines on stdout: the start and each call. Everything else is on stderr. */
export function textEvents(stdout: LineLog, stderr: LineLog): LogEvents {
  return {
    connectionOpened() {},
    connectionClosed() {},
    listening: (endpoints) => endpoints.forEach((endpoint) => stdout.line(startLine(endpoint))),
    callReceived: ({ method, username }) =>
      stdout.line(
        "Получен запрос к методу " + method + " от пользователя: " +
          excerpt(username, MAX_USERNAME),
      ),
    callFinished: (call, outcome) => {
      if (outcome.reason !== undefined) stderr.line(callLine(call, outcome, outcome.reason));
    },
    notice: (notice) => stderr.line(noticeLine(notice)),
  };
}

/** Nothing on stdout; warnings and errors are on stderr, as in the text format. */
export function quietEvents(stderr: LineLog): LogEvents {
  return {
    connectionOpened() {},
    connectionClosed() {},
    listening() {},
    callReceived() {},
    callFinished: (call, outcome) => {
      if (outcome.reason === undefined || levelOfCall(outcome.code) === "info") return;
      stderr.line(callLine(call, outcome, outcome.reason));
    },
    notice: (notice) => {
      if (notice.level !== "info") stderr.line(noticeLine(notice));
    },
  };
}

function startLine(endpoint: Endpoint): string {
  return "path" in endpoint
    ? `gRPC сервер запущен на сокете ${escapeControls(endpoint.path)}...`
    : `gRPC сервер запущен на порту ${endpoint.port}...`;
}

function callLine(call: Call, { code }: Outcome, reason: string): string {
  const name = statusName(code);
  const verb = name === "INVALID_ARGUMENT" ? "refused" : "failed";
  const way = call.protocol === "grpc" ? "" : ` by ${call.protocol}`;
  return `usersvc serve: ${verb} ${call.method} of "${excerpt(call.username)}" from ${
    escapeControls(call.peer())
  }${way}: ` +
    `${name}: ${escapeControls(reason)}`;
}

function noticeLine({ message }: Notice): string {
  return `usersvc serve: ${escapeControls(message)}`;
}
