import { defineCommand, type FlagValues, UsageError } from "../cli/command.ts";
import { ExitCode, exitCodeOfSignal, takeStopSignals } from "../cli/exit.ts";
import { sayNow, writeAll, writeError } from "../cli/output.ts";
import { isDumbTerminal } from "../cli/terminal.ts";
import { duration, PATH, type ValueKind, wholeNumber } from "../cli/values.ts";
import type { Identity } from "../contract/tls_files.ts";
import type { Case } from "../gauntlet/case.ts";
import type { GauntletOptions, Result } from "../gauntlet/gauntlet.ts";
import type { ExitCodes } from "../gauntlet/verdict.ts";
import { formatCount } from "../text/amounts.ts";
import { ExpectedError, fileFault, programFault } from "../text/errors.ts";
import { excerpt, jsonString } from "../text/escape.ts";
import { certAndKey } from "./tls_flags.ts";
import { procMissing } from "../workarounds/missing_proc.ts";

const EXIT_CODES = ["grpc", "any"] as const satisfies readonly ExitCodes[];

/** Words of `--only`, with commas between. */
const WORDS: ValueKind<readonly string[]> = {
  expects: "names of cases or parts of them, with commas between",
  parse: (text) => {
    const words = text.split(",");
    return words.some((word) => word.trim() === "") ? undefined : words;
  },
};

/** With more clients at once, some miss their deadlines and get verdicts that they do not deserve. */
const MAX_JOBS = 4 * navigator.hardwareConcurrency;

const flags = {
  only: {
    group: "Cases",
    value: "WORDS",
    help: "Only this case, or those with this word in name or group",
    ...WORDS,
    repeats: true,
  },
  all: { group: "Cases", help: "Every case; else one for each lesson" },
  list: { group: "Cases", help: "Show the cases, and run nothing" },
  timeout: {
    group: "Client",
    value: "DURATION",
    help: "The deadline that the client is told to have",
    ...duration("100ms", "1h"),
    default: "2s",
  },
  "exit-codes": {
    group: "Client",
    value: "FORM",
    help: "grpc: 64 + the status code, as of grpcurl; any: 0 or not",
    expects: "grpc or any",
    parse: (text: string) => EXIT_CODES.find((form) => form === text),
    suggestions: EXIT_CODES,
    default: "any",
  },
  jobs: {
    group: "Client",
    value: "N",
    help: "How many clients run at the same time",
    ...wholeNumber(1, MAX_JOBS),
    expects: `a number from 1 to ${MAX_JOBS}, 4 for each core`,
    defaultNote: "one for each core",
  },
  unix: {
    group: "Servers",
    help: "The servers listen on Unix sockets, not on ports of 127.0.0.1",
  },
  "tls-cert": {
    group: "Servers",
    value: "FILE",
    help: "The servers speak TLS with this certificate chain (PEM)",
    ...PATH,
  },
  "tls-key": {
    group: "Servers",
    value: "FILE",
    help: "The private key of the certificate (PEM)",
    ...PATH,
  },
  json: { group: "Output", help: "Print a JSON object for each case" },
  junit: {
    group: "Output",
    value: "FILE",
    help: "Write a report of JUnit into this file",
    ...PATH,
  },
} as const;

export const command = defineCommand({
  name: "gauntlet",
  summary: "Send a client through servers that answer oddly",
  details: `For each case a server listens on a free port of 127.0.0.1, and the command runs
once, with the address in USERSVC_ADDRESS and in place of {address}. It is to
make one call of GetUser for Alice with the deadline in USERSVC_TIMEOUT, such as
2000ms, and to exit with 0 if that was answered, otherwise with another code.

Every case says what the specification wants of a client. The exit code is 0
if all cases passed, 1 if one did not or the command cannot run.`,
  obstacle: procMissing,
  operands: [{
    name: "COMMAND",
    help: "The client with its arguments",
    optional: true,
    repeats: true,
    afterDashes: true,
  }],
  flags,
  examples: [
    {
      command: "usersvc gauntlet --exit-codes grpc -- usersvc call Alice",
      does: "Test the client of usersvc",
    },
    {
      command: "usersvc gauntlet --junit report.xml -- python3 client.py {address}",
      does: "Test a client of your own in CI",
    },
    { command: "usersvc gauntlet --only goaway -- ./client", does: "Run one case" },
    { command: "usersvc gauntlet --list --all", does: "Show every case" },
  ],
  run: async (values, words) => {
    const cases = await chooseCases(values.only, values.all);
    if (values.list) {
      if (words.length > 0) throw new UsageError("--list runs no command");
      if (values.junit !== undefined) throw new UsageError("--list writes no --junit report");
      return await list(cases, values.json);
    }
    if (words.length === 0) throw new UsageError("missing COMMAND: -- and the client to run");
    if (values.unix && Deno.build.os === "windows") {
      throw new UsageError("--unix does not work on Windows");
    }
    const identity = await identityOf(values["tls-cert"], values["tls-key"]);
    const report = values.junit === undefined ? undefined : openReport(values.junit);
    return await test({ ...values, words, cases, identity, report });
  },
});

async function chooseCases(
  only: readonly (readonly string[])[] | undefined,
  all: boolean,
): Promise<readonly Case[]> {
  const words = (only ?? []).flat();
  const { allCases, chosenCases, findCases } = await import("../gauntlet/cases.ts");
  if (words.length === 0) return all ? allCases : chosenCases;
  if (all) throw new UsageError("--all cannot be combined with --only, which chooses of all cases");
  const found = findCases(words);
  if (!("unknown" in found)) return found;
  const { didYouMean } = await import("../cli/command_line.ts");
  const hint = await didYouMean(found.unknown, allCases.map(({ name }) => name));
  throw new UsageError(
    `--only: no case has "${
      excerpt(found.unknown)
    }" in its name or group${hint}; --list --all shows them`,
  );
}

async function list(cases: readonly Case[], json: boolean): Promise<number> {
  const { caseList } = await import("../gauntlet/text_report.ts");
  const { caseObject } = await import("../gauntlet/machine_report.ts");
  const text = json
    ? cases.map((one) => `${jsonString(caseObject(one))}\n`).join("")
    : caseList(cases);
  await writeAll(Deno.stdout, text);
  return ExitCode.OK;
}

async function identityOf(
  cert: string | undefined,
  key: string | undefined,
): Promise<Identity | undefined> {
  const files = certAndKey(cert, key);
  if (files === undefined) return undefined;
  const { readIdentity } = await import("../contract/tls_files.ts");
  return await readIdentity(files.cert, files.key);
}

/** Opens a file at the start: that it cannot be written is not to be found out at the end. */
function openReport(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { write: true, create: true, truncate: true });
  } catch (error) {
    throw new ExpectedError(`cannot write ${path}: ${fileFault(error, "write")}`);
  }
}

interface Test extends Omit<FlagValues<typeof flags>, "only" | "junit"> {
  readonly words: readonly string[];
  readonly cases: readonly Case[];
  readonly identity: Identity | undefined;
  readonly report: Deno.FsFile | undefined;
}

async function test(options: Test): Promise<number> {
  const { words, cases, timeout: timeoutMs, "exit-codes": exitCodes } = options;
  const interrupt = new AbortController();
  let stoppedBy: Deno.Signal | undefined;
  const more: readonly Deno.Signal[] = Deno.build.os === "windows" ? [] : ["SIGHUP"];
  void takeStopSignals(more).next().then((signal) => {
    stoppedBy = signal;
    interrupt.abort();
  });
  const jobs = options.jobs ?? navigator.hardwareConcurrency;
  const run = { words, cases, timeoutMs, jobs, exitCodes, interrupt: interrupt.signal };
  const output = await startOutput(options, () => interrupt.abort());
  let results;
  try {
    results = await runOn(options, run, output.add);
  } catch (error) {
    if (error instanceof ExpectedError) throw error;
    throw new ExpectedError(programFault(words[0]!, error)[1]);
  } finally {
    await output.end();
  }
  await report(results, options);
  if (stoppedBy !== undefined) return exitCodeOfSignal(stoppedBy);
  return results.every(({ verdict }) => verdict === "passed") ? ExitCode.OK : ExitCode.FAILURE;
}

/** Runs the cases on ports or on Unix sockets, with TLS or without. */
async function runOn(
  { unix, identity }: Test,
  run: Omit<GauntletOptions, "listen">,
  onResult: (result: Result) => void,
): Promise<readonly Result[]> {
  const { runGauntlet } = await import("../gauntlet/gauntlet.ts");
  const tls = identity === undefined ? {} : { identity };
  return unix
    ? await inFolder((folder) => runGauntlet({ ...run, listen: { ...tls, folder } }, onResult))
    : await runGauntlet({ ...run, listen: tls }, onResult);
}

/**
 * Shows each result as soon as it is there.
 *
 * @param stop is called when nobody reads stdout any more, or it cannot be written
 */
async function startOutput({ cases, json, "exit-codes": exitCodes }: Test, stop: () => void) {
  const { resultObject } = await import("../gauntlet/machine_report.ts");
  const progress = startProgress(cases.length);
  let written = Promise.resolve(true);
  return {
    add(result: Result) {
      progress.add(result);
      if (!json) return;
      const line = `${jsonString(resultObject(result, exitCodes))}\n`;
      written = written.then((isRead) => isRead && writeAll(Deno.stdout, line));
      void written.then((isRead) => isRead || stop(), stop);
    },
    async end() {
      progress.end();
      await written;
    },
  };
}

/** Makes a folder for the time of a run. */
async function inFolder<T>(use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "usersvc-" });
  try {
    return await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function report(results: readonly Result[], options: Test): Promise<void> {
  const { passedOf, textReport } = await import("../gauntlet/text_report.ts");
  if (options.report !== undefined) {
    const { junitReport } = await import("../gauntlet/machine_report.ts");
    await writeAll(options.report, junitReport(results, options.words.join(" ")));
  }
  if (!options.json) {
    const again = (name: string) => ["usersvc", "gauntlet", "--only", name, ...sameFlags(options)];
    await writeAll(Deno.stdout, textReport(results, again));
  }
  const missing = options.cases.length - results.length;
  const rest = missing === 0 ? "" : `, ${formatCount(missing, "case")} not run`;
  writeError(
    `usersvc gauntlet: ${passedOf(results)} of ${
      formatCount(results.length, "case")
    } passed${rest}`,
  );
}

/** What repeats a run beside its cases. */
function sameFlags({ words, timeout, "exit-codes": exitCodes, ...options }: Test): string[] {
  const { "tls-cert": cert, "tls-key": key } = options;
  return [
    ...(timeout === 2_000 ? [] : ["--timeout", `${timeout}ms`]),
    ...(exitCodes === "any" ? [] : ["--exit-codes", exitCodes]),
    ...(options.unix ? ["--unix"] : []),
    ...(cert === undefined || key === undefined ? [] : ["--tls-cert", cert, "--tls-key", key]),
    "--",
    ...words,
  ];
}

/** On a terminal, a line on stderr with how far the run is. */
function startProgress(total: number) {
  const isShown = Deno.stderr.isTerminal() && !isDumbTerminal();
  const CLEAR_LINE = "\r\x1b[K";
  let ended = 0, failed = 0;
  return {
    add({ verdict }: Result) {
      ended++;
      if (verdict !== "passed") failed++;
      if (isShown) sayNow(`${CLEAR_LINE}${ended} of ${total} cases, ${failed} failed`);
    },
    end() {
      if (isShown) sayNow(CLEAR_LINE);
    },
  };
}
