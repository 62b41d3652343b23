import { cut, jsonString } from "../text/escape.ts";
import type { Call, Fault, Notice, Outcome } from "../contract/events.ts";
import { type Endpoint, formatEndpoint } from "../contract/endpoint.ts";
import { MAX_USERNAME } from "../contract/username.ts";
import { statusName } from "../contract/status_codes.ts";
import type { LineLog } from "./line_log.ts";
import { levelOfCall, type LogEvents } from "./log_format.ts";

/** The longest text of a record, in characters: enough for a stack trace. */
const MAX_TEXT = 2000;

/**
 * One JSON object per line on stdout: a record of each call when it has ended, and of each event.
 * The fields of a call have the names that go-grpc-middleware gives them.
 *
 * @param worker the number that each record carries, if there is one
 * @see https://github.com/grpc-ecosystem/go-grpc-middleware/blob/main/interceptors/logging/doc.go
 */
export function jsonEvents(stdout: LineLog, worker: number | undefined): LogEvents {
  return {
    connectionOpened() {},
    connectionClosed() {},
    listening: (endpoints) =>
      endpoints.forEach((endpoint) => stdout.line(jsonRecord(listeningNotice(endpoint), worker))),
    callReceived() {},
    callFinished: (call, outcome) => stdout.line(callRecord(call, outcome, worker)),
    notice: (notice) => stdout.line(jsonRecord(notice, worker)),
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

/** The record of an event of the server as a whole, without the line break. */
export function jsonRecord(
  { level, event, message, fields = {} }: Notice,
  worker: number | undefined,
): string {
  let record = recordStart(level, event, worker) + ',"message":' + jsonText(message);
  for (const [name, value] of Object.entries(fields)) {
    const json = typeof value === "string" ? jsonText(value) : JSON.stringify(value);
    record += "," + jsonString(name) + ":" + json;
  }
  return record + "}";
}

// Concatenated because JSON.stringify of an object takes several times as long, for each call.
function callRecord(call: Call, outcome: Outcome, worker: number | undefined): string {
  return recordStart(levelOfCall(outcome.code), "call", worker) +
    ',"peer":' + jsonString(call.peer()) +
    ',"protocol":"' + call.protocol + '"' +
    ',"grpc.service":' + jsonString(call.service) +
    ',"grpc.method":' + jsonString(call.method) +
    ',"grpc.code":"' + statusName(outcome.code) +
    '","grpc.time_ms":' + Math.round(outcome.timeMs * 1000) / 1000 +
    ',"username":' + jsonString(cut(call.username, MAX_USERNAME)) +
    (outcome.fault === undefined ? "" : ',"fault":' + faultJson(outcome.fault)) +
    (outcome.reason === undefined ? "" : ',"message":' + jsonText(outcome.reason)) + "}";
}

/** What was done on purpose; nothing in it comes from a peer. */
function faultJson({ source, delayMs, keepOpen, code }: Fault): string {
  return JSON.stringify({
    source,
    delay_ms: delayMs && Math.round(delayMs * 1000) / 1000,
    keep_open: keepOpen,
    code: code === undefined ? undefined : statusName(code),
  });
}

function recordStart(level: string, event: string, worker: number | undefined): string {
  return '{"time":"' + now() + '","level":"' + level + '","event":"' + event + '"' +
    (worker === undefined ? "" : ',"worker":' + worker);
}

function jsonText(text: string): string {
  return jsonString(cut(text, MAX_TEXT));
}

let nowMs = 0;
let nowText = "";

/** The time in RFC 3339; kept, since many calls end in the same millisecond. */
function now(): string {
  const ms = Date.now();
  if (ms !== nowMs) {
    nowMs = ms;
    nowText = new Date(ms).toISOString();
  }
  return nowText;
}
