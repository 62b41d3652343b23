/**
 * The records of the log: JSON objects, each in one line. The fields of a call have the names that
 * go-grpc-middleware gives them.
 *
 * @see https://github.com/grpc-ecosystem/go-grpc-middleware/blob/main/interceptors/logging/doc.go
 */
import type { Call, Fault, Notice, Outcome } from "../contract/events.ts";
import { PREVIOUS_ATTEMPTS } from "../contract/metadata_names.ts";
import { MAX_METADATA_VALUE, type RecordedCalls } from "../contract/recorded_calls.ts";
import type { StatusName } from "../contract/status_codes.ts";
import { MAX_USERNAME } from "../contract/username.ts";
import { cut, jsonString } from "../text/escape.ts";

/** What records are made with. */
export interface RecordOptions {
  /** The number of this process among several that share the streams; absent where it serves alone. */
  readonly worker?: number;
  /** The names of the metadata that records of calls have, in lower case; absent: records have none. */
  readonly metadata?: readonly string[] | undefined;
  /** Keeps the records of calls as well, whatever the format; absent: nobody asks for them. */
  readonly recorded?: Pick<RecordedCalls, "add"> | undefined;
}

/** The levels of status codes; all others, such as INVALID_ARGUMENT, are the client's fault: `info`. */
const LEVELS: Partial<Record<StatusName, Notice["level"]>> = {
  DEADLINE_EXCEEDED: "warn",
  PERMISSION_DENIED: "warn",
  RESOURCE_EXHAUSTED: "warn",
  FAILED_PRECONDITION: "warn",
  ABORTED: "warn",
  OUT_OF_RANGE: "warn",
  UNAVAILABLE: "warn",
  UNKNOWN: "error",
  UNIMPLEMENTED: "error",
  INTERNAL: "error",
  DATA_LOSS: "error",
};

/**
 * The level of a call that ended with a status code, as in go-grpc-middleware.
 *
 * @see https://github.com/grpc-ecosystem/go-grpc-middleware/blob/main/interceptors/logging/options.go
 */
export function levelOfCall(code: StatusName): Notice["level"] {
  return LEVELS[code] ?? "info";
}

/** Makes the record of an event. */
export function noticeRecord(
  { level, event, message, fields = {} }: Notice,
  worker?: number,
): string {
  let record = recordStart(level, event, worker) + ',"message":' + jsonText(message);
  for (const [name, value] of Object.entries(fields)) {
    const json = typeof value === "string" ? jsonText(value) : JSON.stringify(value);
    record += "," + jsonString(name) + ":" + json;
  }
  return record + "}";
}

/** Makes the record of a call, and keeps it where records are kept. */
export function recordOf(call: Call, outcome: Outcome, options: RecordOptions): string {
  const username = cut(call.username, MAX_USERNAME);
  const metadata = options.metadata && metadataOf(call, options.metadata);
  const json = callRecord(call, { username, metadata }, outcome, options.worker);
  options.recorded?.add({ json, username, metadata: metadata ?? NO_METADATA });
  return json;
}

/** The values of metadata by their names. */
type Values = ReadonlyMap<string, readonly string[]>;

const NO_METADATA: Values = new Map();

/** How long the metadata of a record may be, in characters: all that it has together. */
const MAX_METADATA = 8_000;

/** What a value counts besides its characters, so that there are not too many: RFC 9113, section 6.5.2. */
const VALUE_OVERHEAD = 32;

/** The metadata of a call that its record has: of these names those that were sent. */
function metadataOf(call: Call, names: readonly string[]): Values {
  let left = MAX_METADATA;
  const metadata = new Map<string, string[]>();
  for (const name of names) {
    const values: string[] = [];
    for (const value of call.metadata(name)) {
      values.push(cut(value, Math.min(left, MAX_METADATA_VALUE)));
      left -= Math.min(value.length, MAX_METADATA_VALUE) + VALUE_OVERHEAD;
      if (left <= 0) break;
    }
    if (values.length > 0) metadata.set(name, values);
    if (left <= 0) break;
  }
  return metadata;
}

// Concatenated because JSON.stringify of an object takes several times as long, for each call.
function callRecord(
  call: Call,
  { username, metadata }: { readonly username: string; readonly metadata: Values | undefined },
  outcome: Outcome,
  worker?: number,
): string {
  return recordStart(levelOfCall(outcome.code), "call", worker) +
    ',"peer":' + jsonString(call.peer()) +
    ',"protocol":"' + call.protocol + '"' +
    ',"grpc.service":' + jsonString(call.service) +
    ',"grpc.method":' + jsonString(call.method) +
    ',"grpc.start_time":"' + startTime(call.startedAt) + '"' +
    ',"grpc.attempt":' + attemptOf(call) +
    timeoutJson(call) +
    ',"grpc.code":"' + outcome.code + '"' +
    ',"grpc.time_ms":' + roundToMicros(outcome.timeMs) +
    ',"username":' + jsonString(username) +
    (metadata === undefined ? "" : ',"metadata":' + metadataJson(metadata)) +
    (outcome.fault === undefined ? "" : ',"fault":' + faultJson(outcome.fault)) +
    (outcome.reason === undefined ? "" : ',"message":' + jsonText(outcome.reason)) + "}";
}

function metadataJson(metadata: Values): string {
  const members = [...metadata].map(([name, values]) =>
    jsonString(name) + ":" + jsonString(values)
  );
  return "{" + members.join(",") + "}";
}

/** Which try of a call it is, from 1 on, as the retries of gRPC itself count them. */
function attemptOf(call: Call): number {
  const [previous = ""] = call.metadata(PREVIOUS_ATTEMPTS);
  return /^\d{1,4}$/.test(previous) ? 1 + Number(previous) : 1;
}

/** How much of its deadline a call had left when it came. */
function timeoutJson(call: Call): string {
  const timeoutMs = Math.round(call.deadline() - call.startedAt);
  return timeoutMs === Infinity ? "" : ',"grpc.timeout_ms":' + Math.max(timeoutMs, 0);
}

/** What was done on purpose; nothing in it comes from a peer. */
function faultJson({ source, delayMs, keepOpen, wire, answer }: Fault): string {
  return JSON.stringify({
    source,
    delay_ms: delayMs && roundToMicros(delayMs),
    keep_open: keepOpen,
    wire,
    code: answer?.code,
  });
}

function roundToMicros(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

function recordStart(level: Notice["level"], event: string, worker: number | undefined): string {
  return '{"time":"' + endTime(Date.now()) + '","level":"' + level + '","event":"' + event + '"' +
    (worker === undefined ? "" : ',"worker":' + worker);
}

/** The longest text of a record, in characters: enough for a stack trace. */
const MAX_TEXT = 2000;

function jsonText(text: string): string {
  return jsonString(cut(text, MAX_TEXT));
}

/**
 * Makes what writes times, in milliseconds since the epoch, as RFC 3339 has them. The last text is kept:
 * many calls come, and end, in the same millisecond.
 */
function timeWriter(): (ms: number) => string {
  let lastMs = NaN;
  let lastText = "";
  return (ms) => {
    if (ms !== lastMs) {
      lastMs = ms;
      lastText = new Date(ms).toISOString();
    }
    return lastText;
  };
}

const startTime = timeWriter();
const endTime = timeWriter();
