import type { Report } from "../batch/batch.ts";
import { defineCommand, UsageError } from "../cli/command.ts";
import { ExitCode } from "../cli/exit.ts";
import { exitCodeOfStatus } from "../contract/status_codes.ts";
import { writeAll, writeError } from "../cli/output.ts";
import { PATH } from "../cli/values.ts";
import type { ConnectionOptions } from "../client/connection_options.ts";
import type { Target } from "../client/target.ts";
import { escapeControls } from "../text/escape.ts";
import { CONCURRENCY, DURATION, PERCENT, RATE, REPEATS } from "./value_ranges.ts";
import {
  connectingObstacle,
  connectionFlags,
  connectionOf,
  timeoutFlag,
} from "./connection_flags.ts";

const SUMMARY_FORMS = ["text", "json"] as const;

/** How many calls are in flight at most where nothing else is said. */
const CONCURRENT = { default: 64, atRate: 1_000 };

export const command = defineCommand({
  name: "call",
  summary: "Call GetUser and print the greeting",
  details: `A failed call prints one line on stderr and exits with 64 + the gRPC status
code: 67 INVALID_ARGUMENT, 68 DEADLINE_EXCEEDED, 78 UNAVAILABLE. Several names
are all called, each with a deadline of its own; the exit code is that of the
first name whose call failed.`,
  obstacle: connectingObstacle,
  operands: [{
    name: "NAME",
    help: "the username to greet; - reads names from stdin, one per line",
    optional: true,
    repeats: true,
  }],
  flags: {
    file: {
      group: "Calls",
      value: "FILE",
      help: "Read the names from this file, one per line; - is stdin",
      ...PATH,
    },
    ...connectionFlags,
    timeout: { group: "Calls", ...timeoutFlag, default: "10s" },
    concurrency: {
      group: "Calls",
      value: "N",
      help: "How many calls may be in flight at the same time",
      ...CONCURRENCY,
      defaultNote: `${CONCURRENT.default}, with --rate ${CONCURRENT.atRate}`,
    },
    repeat: {
      group: "Calls",
      value: "N",
      help: "Call each name N times before the next name",
      ...REPEATS,
      default: "1",
    },
    rate: {
      group: "Calls",
      value: "N",
      help: "Begin N calls per second, also while answers are late",
      ...RATE,
      defaultNote: "no limit",
    },
    duration: {
      group: "Calls",
      value: "DURATION",
      help: "Begin calls for this long; the names repeat",
      ...DURATION,
      defaultNote: "until every name is called",
    },
    "fail-fast": { group: "Calls", help: "Stop after the first call that fails" },
    json: { group: "Output", help: "Print a JSON object for each call, also if it fails" },
    summary: {
      group: "Measurement",
      value: "FORMAT",
      help: "Write a summary to stderr at the end: text or json",
      expects: "text or json",
      parse: (text) => SUMMARY_FORMS.find((form) => form === text),
      suggestions: SUMMARY_FORMS,
      defaultNote: "none",
    },
    "max-p99": {
      group: "Measurement",
      value: "DURATION",
      help: "Exit with 1 if the p99 latency is longer than this",
      ...DURATION,
    },
    "max-failed": {
      group: "Measurement",
      value: "PERCENT",
      help: "Exit with 1 if more calls than this fail, else with 0",
      ...PERCENT,
    },
    quiet: { group: "Output", help: "Show no progress on a terminal, and no result line" },
  },
  examples: [
    { command: "usersvc call Alice", does: "Call the server on this machine" },
    { command: 'usersvc call Alice Bob "Иван Петров"', does: "Greet three, one line each" },
    { command: "printf 'Alice\\nBob\\n' | usersvc call -", does: "Greet names from stdin" },
    { command: "usersvc call Alice Bob --json", does: "Print a JSON object for each" },
    { command: "usersvc call Alice --timeout 500ms", does: "Wait half a second at most" },
    {
      command: "usersvc call Alice --repeat 300 --rate 100 --summary text",
      does: "Measure a service for three seconds",
    },
    {
      command: "usersvc call A B --duration 2s --rate 50 --quiet",
      does: "Call two names in turn for two seconds",
    },
    {
      command: "usersvc call Alice --repeat 300 --max-p99 2s --max-failed 1%",
      does: "Exit with 1 if it is slow or fails",
    },
    { command: "usersvc call -- --help", does: "Greet a name that looks like a flag" },
  ],
  run: async (
    { file, timeout: timeoutMs, json, quiet, ...flags },
    names,
  ) => {
    const path = fileOfNames(file, names);
    const { rate, repeat, duration: durationMs, "fail-fast": failFast } = flags;
    if (durationMs !== undefined && repeat > 1) {
      throw new UsageError("--repeat cannot be combined with --duration, which repeats the names");
    }
    const report = reportOf(flags);
    // With --json, what came with an answer is in its object.
    const contexts = json && flags.verbose > 0;
    const { trace, ...untraced } = connectionOf(flags);
    const connection = json || trace === undefined ? untraced : { ...untraced, trace };
    const isOne = names.length === 1 && path === undefined && repeat === 1;
    if (isOne && durationMs === undefined && !json && report === undefined) {
      return await callOne(connection, names[0]!, timeoutMs);
    }
    const { callNames } = await import("../batch/batch.ts");
    return await callNames({
      connection,
      names: path === undefined ? names : { path },
      repeat,
      durationMs,
      timeoutMs,
      concurrency: flags.concurrency ?? CONCURRENT[rate === undefined ? "default" : "atRate"],
      rate,
      failFast,
      json,
      contexts,
      quiet,
      report,
    });
  },
});

/**
 * What is wanted of the batch as a whole; undefined if nothing is.
 *
 * @throws {UsageError} where the first failure would end what some may
 */
function reportOf(
  flags: {
    readonly "fail-fast": boolean;
    readonly summary: Report["summary"];
    readonly "max-p99": number | undefined;
    readonly "max-failed": number | undefined;
  },
): Report | undefined {
  const { summary, "max-p99": p99Ms, "max-failed": failedPercent } = flags;
  if (flags["fail-fast"] && failedPercent !== undefined) {
    throw new UsageError(
      "--max-failed, which lets calls fail, cannot be combined with --fail-fast",
    );
  }
  if ((summary ?? p99Ms ?? failedPercent) === undefined) return undefined;
  return { summary, limits: { p99Ms, failedPercent } };
}

/** Where the names come from: a file, `-` for stdin, or undefined for the command line. */
function fileOfNames(file: string | undefined, names: readonly string[]): string | undefined {
  if (names.length === 0) {
    if (file !== undefined) return file;
    throw new UsageError("missing NAME: a username, - for names from stdin, or --file");
  }
  if (file !== undefined) throw new UsageError("--file cannot be combined with NAME");
  if (!names.includes("-")) return undefined;
  if (names.length > 1) {
    throw new UsageError("- (names from stdin) cannot be combined with another NAME");
  }
  return "-";
}

async function callOne(
  connection: ConnectionOptions,
  username: string,
  timeoutMs: number,
): Promise<number> {
  const { openUserClient } = await import("../client/user_client.ts");
  const client = await openUserClient(connection);
  let message: string;
  try {
    message = await client.getUser(username, { timeoutMs });
  } catch (error) {
    return await fail(error, connection.target, timeoutMs);
  } finally {
    client.close();
  }
  const shown = Deno.stdout.isTerminal() ? escapeControls(message) : message;
  await writeAll(Deno.stdout, `${shown}\n`);
  return ExitCode.OK;
}

async function fail(error: unknown, target: Target, timeoutMs: number): Promise<number> {
  const { describeFailure, failureLine } = await import("../client/failure.ts");
  const failure = describeFailure(error, timeoutMs);
  const remedy = failure.absent ? `; start a server with: usersvc serve ${listening(target)}` : "";
  writeError(`usersvc call: ${failureLine(failure, target.name, remedy)}`);
  return exitCodeOfStatus(failure.code);
}

function listening({ endpoint }: Target): string {
  return "path" in endpoint ? `--unix ${endpoint.path}` : `--port ${endpoint.port}`;
}
