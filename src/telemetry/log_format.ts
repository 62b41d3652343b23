/** The formats of the log: what each of them writes of an event, and to which stream. */
import type { Call, Notice, ServerEvents } from "../contract/events.ts";
import { type Endpoint, formatEndpoint } from "../contract/endpoint.ts";
import type { StatusName } from "../contract/status_codes.ts";
import { MAX_USERNAME } from "../contract/username.ts";
import { escapeControls, excerpt } from "../text/escape.ts";
import type { LineLog } from "./line_log.ts";
import { levelOfCall, noticeRecord, recordOf, type RecordOptions } from "./records.ts";

/** A stream that takes lines. */
type Lines = Pick<LineLog, "line">;

/** Writes the events of a server. */
interface LogEvents extends Pick<ServerEvents, "callReceived" | "callFinished" | "notice"> {
  /** The server accepts calls at these endpoints. */
  listening(endpoints: readonly Endpoint[]): void;
  /**
   * Lines for stdout were dropped.
   *
   * @returns a line to write in their place, or undefined
   */
  dropped(lines: number): string | undefined;
}

/** Makes what writes the events. */
type Format = (stdout: Lines, stderr: Lines, options: RecordOptions) => LogEvents;

/** The formats by their names. */
export const FORMATS = {
  text: recording(textEvents),
  json: jsonEvents,
  none: recording(warnings),
} satisfies Record<string, Format>;

/** The name of a format. */
export type LogFormat = keyof typeof FORMATS;

/** The names of all formats. */
export const LOG_FORMATS = Object.keys(FORMATS) as readonly LogFormat[];

/** A format that writes no records: those of calls are made where they are kept. */
function recording(format: (stdout: Lines, stderr: Lines) => LogEvents): Format {
  return (stdout, stderr, options) => {
    const events = format(stdout, stderr);
    if (options.recorded === undefined) return events;
    return {
      ...events,
      callFinished(call, outcome) {
        recordOf(call, outcome, options);
        events.callFinished(call, outcome);
      },
    };
  };
}

/** The tutorial's lines on stdout: the start and each call. Everything else is on stderr. */
function textEvents(stdout: Lines, stderr: Lines): LogEvents {
  return {
    listening: (endpoints) => endpoints.forEach((endpoint) => stdout.line(startLine(endpoint))),
    callReceived: ({ method, username }) =>
      stdout.line(
        "Получен запрос к методу " + method + " от пользователя: " +
          excerpt(username, MAX_USERNAME),
      ),
    callFinished: (call, { code, reason }) => {
      if (reason !== undefined) stderr.line(callLine(call, code, reason));
    },
    notice: ({ message }) => stderr.line(`usersvc serve: ${escapeControls(message)}`),
    dropped: (lines) =>
      stdout === stderr
        ? droppedLine(lines, "stderr")
        : void stderr.line(droppedLine(lines, "stdout")),
  };
}

/** Nothing on stdout; on stderr the warnings and errors of the text format. */
function warnings(stdout: Lines, stderr: Lines): LogEvents {
  const { callFinished, notice, dropped } = textEvents(stdout, stderr);
  return {
    listening() {},
    callReceived() {},
    callFinished: (call, outcome) => {
      if (levelOfCall(outcome.code) !== "info") callFinished(call, outcome);
    },
    notice: (one) => {
      if (one.level !== "info") notice(one);
    },
    dropped,
  };
}

function startLine(endpoint: Endpoint): string {
  return "path" in endpoint
    ? `gRPC сервер запущен на сокете ${escapeControls(endpoint.path)}...`
    : `gRPC сервер запущен на порту ${endpoint.port}...`;
}

function callLine(call: Call, code: StatusName, reason: string): string {
  const verb = code === "INVALID_ARGUMENT" ? "refused" : "failed";
  const way = call.protocol === "grpc" ? "" : ` by ${call.protocol}`;
  const caller = `"${excerpt(call.username)}" from ${escapeControls(call.peer())}${way}`;
  return `usersvc serve: ${verb} ${call.method} of ${caller}: ${code}: ${escapeControls(reason)}`;
}

/** Says on stderr that lines of a stream were dropped. */
export function droppedLine(lines: number, stream: "stdout" | "stderr"): string {
  return `usersvc serve: ${lines} lines of the log on ${stream} were dropped: nobody read it`;
}

/** Records alone, on stdout: of each call when it has ended, and of each event. */
function jsonEvents(stdout: Lines, _: Lines, options: RecordOptions): LogEvents {
  const { worker } = options;
  const notice = (one: Notice) => stdout.line(noticeRecord(one, worker));
  return {
    listening: (endpoints) => endpoints.forEach((endpoint) => notice(listeningNotice(endpoint))),
    callReceived() {},
    callFinished: (call, outcome) => stdout.line(recordOf(call, outcome, options)),
    notice,
    dropped: (lines) => noticeRecord(droppedNotice(lines), worker),
  };
}

function listeningNotice(endpoint: Endpoint): Notice {
  return {
    level: "info",
    event: "listening",
    message: `listening on ${formatEndpoint(endpoint)}`,
    fields: "path" in endpoint
      ? { path: endpoint.path }
      : { port: endpoint.port, address: endpoint.host },
  };
}

function droppedNotice(lines: number): Notice {
  return {
    level: "warn",
    event: "log_dropped",
    message: `${lines} lines of the log were dropped here: nobody read it`,
    fields: { count: lines },
  };
}
