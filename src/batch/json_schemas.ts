/** What a batch prints in JSON, in JSON Schemas of draft 2020-12. */
import { LAST_STATUS, STATUS_NAMES } from "../contract/status_codes.ts";

const $schema = "https://json-schema.org/draft/2020-12/schema";
const COUNT = { type: "integer", minimum: 0 };
const MS = { type: "number", minimum: 0 };
const VALUES = {
  type: "object",
  additionalProperties: { type: "array", items: { type: "string" } },
};

const ERROR = {
  description: "Why there is no greeting",
  type: "object",
  required: ["code", "number", "message"],
  properties: {
    code: { description: "The name of the status code", enum: STATUS_NAMES.slice(1) },
    number: { description: "The status code", type: "integer", minimum: 1, maximum: LAST_STATUS },
    message: { type: "string" },
    details: {
      description: "What a program may read of it, each a google.protobuf.Any in JSON",
      type: "array",
      minItems: 1,
      items: {
        type: "object",
        required: ["@type"],
        properties: { "@type": { type: "string" } },
        additionalProperties: true,
      },
    },
  },
};

/** The result of a call. */
export const resultSchema = {
  $schema,
  title: "The result of a call of usersvc call",
  type: "object",
  required: ["username"],
  properties: {
    username: { type: "string" },
    message: { description: "The greeting", type: "string" },
    error: ERROR,
    metadata: { description: "The initial metadata", ...VALUES },
    trailers: VALUES,
    peer: {
      description: "The server's address; null where there was no connection",
      type: ["string", "null"],
    },
    timeMs: { description: "How long the call took", ...MS },
  },
  oneOf: [{ required: ["message"] }, { required: ["error"] }],
  dependentRequired: { metadata: ["trailers", "peer", "timeMs"] },
};

/** The summary of a batch. */
export const summarySchema = {
  $schema,
  title: "The summary of usersvc call",
  type: "object",
  required: ["calls", "seconds", "codes", "latencyMs", "hostnames"],
  properties: {
    calls: COUNT,
    seconds: { description: "From the start to the end of the last call", ...MS },
    codes: {
      description: "How many calls have ended with each status code",
      type: "object",
      propertyNames: { enum: STATUS_NAMES },
      additionalProperties: COUNT,
    },
    latencyMs: {
      description: "Of the calls that were answered with OK; null if there was none",
      type: ["object", "null"],
      required: ["p50", "p95", "p99", "max"],
      properties: { p50: MS, p95: MS, p99: MS, max: MS },
    },
    hostnames: {
      description: "How many answers each server has sent that says who it is",
      type: "object",
      additionalProperties: COUNT,
    },
    otherHostnames: { description: "How many came from further servers", ...COUNT },
    rate: {
      description: "How the calls were begun, where a rate was asked for",
      type: "object",
      required: ["asked", "begun", "late"],
      properties: {
        asked: { description: "Calls per second", ...MS },
        begun: {
          description: "Calls per second; null for fewer than two calls",
          type: ["number", "null"],
          minimum: 0,
        },
        late: { description: "How many calls were begun late", ...COUNT },
      },
    },
  },
};
