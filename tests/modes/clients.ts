/** Programs that call a server, and what they print. */
import assert from "node:assert/strict";
import { grpcurl } from "../../tools/peers/grpc.ts";
import { type Result, runProgram, spawnUsersvc, usersvc } from "../support/program.ts";
import { connectBy, grpcWeb } from "./http_clients.ts";
import type { Call, Outcome } from "./outcomes.ts";

/** How a server is reached. */
export interface Route {
  /** For `call --address`. */
  readonly target: string;
  /** Flags of `call` and `check`, the address among them. */
  readonly call: readonly string[];
  /** Flags of grpcurl and the address. */
  readonly grpcurl: readonly string[];
  /** Flags of grpcurl for a call, which come before those. */
  readonly grpcurlCall: readonly string[];
  /** Flags of curl. */
  readonly curl: readonly string[];
}

/** A program that calls. */
export interface Client {
  /** What it speaks, in the words of the log. */
  readonly protocol: "grpc" | "connect" | "grpc-web";
  /** Whether it tries a call again that has failed, where its flags say so. */
  readonly retries?: true;
  /** Calls each name. */
  run(route: Route, names: readonly string[]): Promise<Result[]>;
  /** What it prints and returns where that has come of the calls, to the byte. */
  prints(calls: readonly Call[], route: Route): Result[];
}

/** How long the slow client waits after each name, in milliseconds. */
const PAUSE_MS = 500;

export const clients = {
  /** `usersvc call NAME`, for each name. */
  one: {
    protocol: "grpc",
    retries: true,
    run: ({ call }, names) => oneByOne(names, (name) => usersvc(["call", ...call, "--", name])),
    prints: (calls, { target }) =>
      calls.map(({ outcome }) =>
        isOk(outcome)
          ? { code: 0, stdout: `${outcome.text}\n`, stderr: "" }
          : failed(outcome, `usersvc call: ${outcome.code} from ${target}: ${outcome.text}\n`)
      ),
  },

  /** `usersvc call NAME...`: the calls are under way at once. */
  batch: {
    protocol: "grpc",
    retries: true,
    run: async ({ call }, names) => [await usersvc(["call", ...call, "--", ...names])],
    prints: (calls, route) => [batchResult(calls, route)],
  },

  /** `usersvc call NAME...` at a rate, with pings and a summary, whose counts alone are looked at. */
  measured: measuredBy("--rate", "200", "--keepalive", "1s"),

  /** `usersvc call NAME...` for a time in which each name is called once, with all frames shown. */
  timed: measuredBy("--rate", "2", "--duration", "2s", "-vv"),

  /** `usersvc call - --json`, whose names come slowly: the channel outlives a connection. */
  json: {
    protocol: "grpc",
    retries: true,
    run: async ({ call }, names) => [await slowly(["call", ...call, "--json", "-"], names)],
    prints: (calls) => [{
      code: firstFailure(calls),
      stdout: calls.map((call) => `${JSON.stringify(jsonResult(call))}\n`).join(""),
      stderr: "",
    }],
  },

  /** grpcurl, for each name. */
  grpcurl: {
    protocol: "grpc",
    run: async ({ grpcurl: flags, grpcurlCall }, names) => {
      const program = await grpcurl();
      return await oneByOne(names, (username) =>
        runProgram(program, [
          ...["-d", JSON.stringify({ username }), ...grpcurlCall, ...flags],
          "userservice.UserService/GetUser",
        ]));
    },
    prints: (calls, { grpcurlCall }) =>
      calls.map(({ outcome }) =>
        isOk(outcome)
          ? { code: 0, stdout: `{\n  "message": ${JSON.stringify(outcome.text)}\n}\n`, stderr: "" }
          : failed(outcome, grpcurlError(outcome, grpcurlCall.includes("-proto")))
      ),
  },

  connect1: connectBy("--http1.1", "1.1"),
  connect2: connectBy("--http2-prior-knowledge", "2"),
  grpcWeb,
} satisfies Record<string, Client>;

/** A batch with a summary, whose counts alone are looked at. */
function measuredBy(...flags: readonly string[]): Client {
  return {
    protocol: "grpc",
    retries: true,
    run: async ({ call }, names) => {
      const args = ["call", ...call, ...flags, "--summary", "json", "--", ...names];
      const result = await usersvc(args);
      return [withoutTimes(flags.includes("-vv") ? withoutTrace(result) : result)];
    },
    prints: (calls, route) => {
      const { stderr, ...result } = batchResult(calls, route);
      return [{ ...result, stderr: stderr + countsLine(calls.length, codesOf(calls)) }];
    },
  };
}

/** Leaves out the lines of `-vv`, which have to be there. */
function withoutTrace(result: Result): Result {
  assert.match(result.stderr, /^#1 > .* HEADERS .*, stream 1, /m);
  return { ...result, stderr: result.stderr.replaceAll(/^(?:[*<>#] ?| {8}).*\n/gm, "") };
}

function isOk({ code }: Outcome): boolean {
  return code === "OK";
}

/** The exit code of a failure, which usersvc and grpcurl have in common. */
function failed({ number }: Outcome, stderr: string): Result {
  return { code: 64 + number, stdout: "", stderr };
}

function batchResult(calls: readonly Call[], { target }: Route): Result {
  const [good, bad] = [true, false]
    .map((wanted) => calls.filter(({ outcome }) => isOk(outcome) === wanted));
  return {
    code: firstFailure(calls),
    stdout: good!.map(({ outcome }) => `${outcome.line}\n`).join(""),
    stderr: bad!.map(({ name, outcome }) =>
      `usersvc call: "${name.shown}": ${outcome.code} from ${target}: ${outcome.line}\n`
    ).join(""),
  };
}

/** Leaves of the summary, the last line of stderr, what does not depend on time. */
function withoutTimes(result: Result): Result {
  const [, before, summary] = /^([^]*?)([^\n]*\n)$/.exec(result.stderr) ?? [];
  if (summary === undefined || !summary.startsWith("{")) return result;
  const { calls, codes } = JSON.parse(summary);
  return { ...result, stderr: before + countsLine(calls, codes) };
}

function countsLine(calls: number, codes: Record<string, number>): string {
  return `${JSON.stringify({ calls, codes })}\n`;
}

/** How many calls ended with each status, in the order of the first of each. */
function codesOf(calls: readonly Call[]): Record<string, number> {
  const codes: Record<string, number> = {};
  for (const { outcome: { code } } of calls) codes[code] = (codes[code] ?? 0) + 1;
  return codes;
}

function firstFailure(calls: readonly Call[]): number {
  const first = calls.find(({ outcome }) => !isOk(outcome));
  return first ? 64 + first.outcome.number : 0;
}

async function oneByOne(
  names: readonly string[],
  call: (name: string) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const name of names) results.push(await call(name));
  return results;
}

async function slowly(args: readonly string[], names: readonly string[]): Promise<Result> {
  const child = spawnUsersvc(args, { stdin: "piped" });
  const output = child.output();
  const stdin = child.stdin.getWriter();
  for (const name of names) {
    // It may have ended, of which its exit code tells.
    await stdin.write(new TextEncoder().encode(`${name}\n`)).catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
  await stdin.close().catch(() => {});
  const { code, stdout, stderr } = await output;
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  return { code, stdout: out!, stderr: err! };
}

function jsonResult({ name: { name: username }, outcome }: Call): object {
  const { code, number, text: message, blame } = outcome;
  if (isOk(outcome)) return { username, message };
  const fieldViolations = [{ field: blame?.field, description: message }];
  const details = blame && { details: [{ "@type": BAD_REQUEST, fieldViolations }] };
  return { username, error: { code, number, message, ...details } };
}

const BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest";

/** @param contractOnly it has no contract of the details: with reflection it finds its own */
function grpcurlError({ code, text, blame }: Outcome, contractOnly: boolean): string {
  const error = `ERROR:\n  Code: ${goName(code)}\n  Message: ${text}\n`;
  if (blame === undefined) return error;
  const details = contractOnly
    ? {
      "@error": "google.rpc.BadRequest is not recognized; see @value for raw binary message data",
      "@type": BAD_REQUEST,
      "@value": blame.encoded,
    }
    : { "@type": BAD_REQUEST, fieldViolations: [{ field: blame.field, description: text }] };
  const json = JSON.stringify(details, undefined, 2).replaceAll("\n", "\n    \t");
  return `${error}  Details:\n  1)\t${json}\n`;
}

/** A status code as Go names it: `InvalidArgument`. */
export function goName(code: string): string {
  return code === "OK" ? code : code.split("_")
    .map((word) => word[0] + word.slice(1).toLowerCase()).join("");
}
