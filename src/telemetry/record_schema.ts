import { STATUS_NAMES } from "../contract/status_codes.ts";

const TIME = {
  description: "RFC 3339, in UTC",
  type: "string",
  pattern: "^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$",
};
const STATUS = { enum: STATUS_NAMES };
const MS = { type: "number", minimum: 0 };

/** What every record has. */
const COMMON = {
  time: { ...TIME, description: "When it was written" },
  level: { enum: ["info", "warn", "error"] },
  worker: { description: "Where there are workers: its number", type: "integer", minimum: 1 },
};

const FAULT = {
  description: "What was done on purpose",
  type: "object",
  required: ["source"],
  properties: {
    source: { description: "What asked for it", enum: ["metadata", "answers", "flags"] },
    delay_ms: MS,
    keep_open: { const: true },
    wire: { description: "The case of the gauntlet that answered", type: "string" },
    code: { description: "The status code that was chosen", ...STATUS },
  },
};

const CALL = {
  description: "A call that has ended",
  type: "object",
  required: [
    ...["time", "level", "event", "peer", "protocol", "grpc.service", "grpc.method"],
    ...["grpc.start_time", "grpc.attempt", "grpc.code", "grpc.time_ms", "username"],
  ],
  properties: {
    id: { description: "Among the calls that are kept: its number", type: "integer", minimum: 1 },
    ...COMMON,
    event: { const: "call" },
    peer: { description: "The address of the client", type: "string" },
    protocol: { enum: ["grpc", "grpc-web", "connect"] },
    "grpc.service": { type: "string" },
    "grpc.method": { type: "string" },
    "grpc.start_time": { ...TIME, description: "When it came" },
    "grpc.attempt": {
      description: "Which try of a call it is, as gRPC's own retries count them",
      type: "integer",
      minimum: 1,
    },
    "grpc.timeout_ms": {
      description: "How much of the client's deadline was left when it came",
      type: "integer",
      minimum: 0,
    },
    "grpc.code": STATUS,
    "grpc.time_ms": { description: "How long it took", ...MS },
    username: { description: "Its first 256 characters", type: "string" },
    metadata: {
      description: "Values by names; in base64 for names with -bin",
      type: "object",
      additionalProperties: { type: "array", items: { type: "string" }, minItems: 1 },
    },
    fault: FAULT,
    message: { description: "Why it was refused or has failed", type: "string" },
  },
};

const OTHER = {
  description: "Something that happened to the server as a whole",
  type: "object",
  required: ["time", "level", "event", "message"],
  properties: {
    ...COMMON,
    event: { type: "string", not: { const: "call" } },
    message: { description: "What happened, for people", type: "string" },
  },
  // What the message says, in parts.
  additionalProperties: { type: ["string", "number", "boolean"] },
};

/** The JSON Schema, of draft 2020-12, of a record in the log, or of a call that is kept. */
export const recordSchema = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  title: "A record of the log of usersvc serve",
  oneOf: [CALL, OTHER],
};
