/** `/calls`: what the server has seen, in the records of its log. */
import { Buffer } from "node:buffer";
import {
  type CallFilter,
  MAX_METADATA_VALUE,
  type RecordedCall,
  type RecordedCalls,
} from "../../contract/recorded_calls.ts";
import { MAX_USERNAME } from "../../contract/username.ts";
import { milliseconds } from "../../text/amounts.ts";
import { cut, excerpt } from "../../text/escape.ts";
import { LIMITS } from "../limits.ts";
import {
  type AnswerRequest,
  emptyResponse,
  type HttpRequest,
  type HttpResponse,
  lineResponse,
  OWN,
} from "./exchange.ts";

/** Where the calls are. */
export const CALLS_PATH = "/calls";

/** What answers requests for the calls. */
export interface CallsRoute {
  readonly answer: AnswerRequest;
  /** Answers the requests that wait with what there is; further ones do not wait. */
  drain(): void;
}

const NOT_RECORDED: CallsRoute = {
  answer: () => Promise.resolve(lineResponse(404, "this server does not record its calls", OWN)),
  drain() {},
};

/**
 * Makes what answers requests for the calls, and empties them.
 *
 * @param recorded the calls; undefined where none are recorded
 */
export function callsRoute(recorded: RecordedCalls | undefined): CallsRoute {
  if (recorded === undefined) return NOT_RECORDED;
  const waiting = openWaits(recorded);
  const lines = openLines();
  const list = async (request: HttpRequest, text: string): Promise<HttpResponse> => {
    const query = readQuery(text, recorded);
    const calls = recorded.find(query.filter);
    if (calls.length >= query.count) return lines.response(200, calls);
    if (query.waitMs === 0) return lines.response(408, calls);
    const awaited = await waiting.calls(query, request.signal);
    if (awaited === undefined) return busy("too many requests wait for calls");
    return lines.response(awaited.length < query.count ? 408 : 200, awaited);
  };
  const answer = async (request: HttpRequest): Promise<HttpResponse> => {
    const text = queryOf(request.target);
    if (request.method === "GET" || request.method === "HEAD") return await list(request, text);
    if (request.method !== "DELETE") {
      return lineResponse(405, "only GET, HEAD and DELETE are allowed here", {
        ...OWN,
        allow: "GET, HEAD, DELETE",
      });
    }
    if (text !== "") throw new QueryError("DELETE takes no parameters: it empties all");
    recorded.clear();
    return emptyResponse(204, OWN);
  };
  return {
    drain: waiting.end,
    answer: (request) =>
      answer(request).catch((error) => {
        if (error instanceof QueryError) return lineResponse(error.status, error.message, OWN);
        throw error;
      }),
  };
}

function busy(reason: string): HttpResponse {
  return lineResponse(503, `${reason}; try again later`, OWN);
}

/** The requests that wait for calls. */
function openWaits(recorded: RecordedCalls) {
  const ends = new Set<() => void>();
  let draining = false;
  return {
    /** Waits as a request asks; undefined if too many wait already. */
    async calls({ filter, count, waitMs }: Query, signal: AbortSignal) {
      if (ends.size >= LIMITS.callWaits) return undefined;
      const { calls, end } = recorded.wait(filter, count);
      if (draining) end();
      ends.add(end);
      signal.addEventListener("abort", end);
      const timer = setTimeout(end, waitMs);
      const found = await calls;
      clearTimeout(timer);
      ends.delete(end);
      return found;
    },
    end() {
      draining = true;
      ends.forEach((end) => end());
    },
  };
}

/** The calls in responses, which take memory until their clients have read them. */
function openLines() {
  let bytes = 0;
  return {
    response(status: number, calls: readonly RecordedCall[]): HttpResponse {
      const size = calls.reduce((sum, { line }) => sum + line.length, 0);
      if (bytes + size > LIMITS.unreadBytes) {
        return busy("answers that nobody has read yet take too much memory");
      }
      bytes += size;
      const headers = { ...OWN, "content-type": "application/x-ndjson; charset=utf-8" };
      const body = Buffer.concat(calls.map(({ line }) => line));
      return { status, headers, body, release: () => void (bytes -= size) };
    },
  };
}

/** Which calls a request asks for. */
interface Query {
  readonly filter: CallFilter;
  /** How many there are to be. */
  readonly count: number;
  /** How long to wait for so many, in milliseconds. */
  readonly waitMs: number;
}

/** A request asks for something that there is not. */
class QueryError extends Error {
  constructor(message: string, readonly status = 400) {
    super(message);
  }
}

/** @throws {QueryError} if it is too long */
function queryOf(target: string): string {
  const start = target.indexOf("?");
  const text = start === -1 ? "" : target.slice(start + 1);
  if (text.length <= LIMITS.queryBytes) return text;
  throw new QueryError(`a query may have ${LIMITS.queryBytes} bytes`, 414);
}

/** What a query may hold, besides the names of metadata. */
const PARAMETERS = ["username", "since", "count", "wait"];
const METADATA = "metadata.";
const MAX_WAIT = "60s";

/** @throws {QueryError} if anything in it is not as it has to be */
function readQuery(text: string, { max, metadataNames }: RecordedCalls): Query {
  const params = new URLSearchParams(text);
  const names = [...params.keys()];
  const known = [...PARAMETERS, ...metadataNames.map((name) => METADATA + name)];
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new QueryError(`unknown parameter "${excerpt(unknown)}"; there are ${known.join(", ")}`);
  }
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice !== undefined) throw new QueryError(`${twice} may be there once`);
  // What is looked for is cut as it is in records.
  const sent = params.get("username");
  const username = sent === null ? null : cut(sent, MAX_USERNAME);
  const since = numberIn(params, "since", 0, Number.MAX_SAFE_INTEGER) ?? 0;
  const count = numberIn(params, "count", 1, max) ?? 0;
  if (params.has("wait") && count === 0) throw new QueryError("wait needs count");
  const metadata = [...params].filter(([name]) => name.startsWith(METADATA))
    .map(([name, value]) => [name.slice(METADATA.length), cut(value, MAX_METADATA_VALUE)] as const);
  return {
    filter: (call) =>
      call.id > since && (username === null || call.username === username) &&
      metadata.every(([name, value]) => call.metadata.get(name)?.includes(value) ?? false),
    count,
    waitMs: waitIn(params) ?? 0,
  };
}

function numberIn(
  params: URLSearchParams,
  name: string,
  min: number,
  max: number,
): number | undefined {
  const text = params.get(name);
  if (text === null) return undefined;
  const number = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (number >= min && number <= max) return number;
  throw new QueryError(`${name} expects a number from ${min} to ${max}`);
}

function waitIn(params: URLSearchParams): number | undefined {
  const text = params.get("wait");
  if (text === null) return undefined;
  const waitMs = milliseconds(text);
  if (waitMs <= milliseconds(MAX_WAIT)) return waitMs;
  throw new QueryError(`wait expects a duration from 0 to ${MAX_WAIT}, such as 500ms or 2s`);
}
