/** The forms of the log, and what each tells of a server. */
import assert from "node:assert/strict";
import type { Call } from "./outcomes.ts";

/** What a server has done from its start to its end. */
export interface Story {
  /** Where it listened: as the tutorial says it, and as everything else does. */
  readonly endpoints: readonly { readonly started: string; readonly target: string }[];
  /** Where it served its metrics. */
  readonly metricsUrl: string | undefined;
  readonly workers: number;
  readonly calls: readonly (Call & { readonly peer: string })[];
  /** How long a call took at least, in milliseconds. */
  readonly delayMs: number;
  /** What shares were drawn with. */
  readonly seed: number | undefined;
  /** Whether health was turned over once. */
  readonly turned: boolean;
  /** Why it drained. */
  readonly why: string;
  /** What the clients spoke. */
  readonly protocol: string;
}

/** The lines of a log, sorted: those of several processes come in any order. */
export interface Lines {
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
}

/** A form of the log. */
export interface LogForm {
  /** What is to be there before calls are made. */
  readonly beginning: (story: Story) => Lines;
  /** What is to be there at the end. */
  readonly whole: (story: Story) => Lines;
  /** The lines that were written, without what a test cannot foresee: `*` stands for it. */
  readonly read: (stdout: string, stderr: string, story: Story) => Lines;
}

const start = (story: Story) => [
  ...(story.metricsUrl ? [["metrics_listening", `metrics are served at ${story.metricsUrl}`]] : []),
  ...(story.seed === undefined ? [] : [["seeded", `faults are drawn with --seed ${story.seed}`]]),
  ...workers(story).map((worker) => ["worker_started", `worker ${worker} (process *) has started`]),
];
const end = (story: Story) => [
  ...(story.turned ? [["health", "SIGUSR2: health is SERVING"]] : []),
  ["draining", `${story.why}: draining, calls in flight have 10 s to finish`],
  ...workers(story).map((worker) => ["worker_exited", `worker ${worker} (process *) has drained`]),
  ["drained", "drained, every call has finished"],
];
const workers = (story: Story) => Array.from({ length: story.workers }, (_, index) => index + 1);

const notices = (events: readonly (readonly string[])[]) =>
  events.map(([, message]) => `usersvc serve: ${message}`);

/** What the text form says of calls on stderr. */
function failures(calls: Story["calls"], protocol: string): string[] {
  const way = protocol === "grpc" ? "" : ` by ${protocol}`;
  return calls.filter(({ outcome }) => outcome.code !== "OK").map(({ name, outcome, peer }) => {
    const verb = outcome.code === "INVALID_ARGUMENT" ? "refused" : "failed";
    return `usersvc serve: ${verb} GetUser of "${name.shown}" from ${peer}${way}: ` +
      `${outcome.code}: ${outcome.text}`;
  });
}

const warned = (calls: Story["calls"]) => calls.filter(({ outcome }) => outcome.level === "warn");

/** A record of `--log json` without its time, and without fields that not every form tells. */
interface LogRecord {
  readonly event: string;
  readonly level: string;
  readonly message?: string;
  readonly peer?: string;
  readonly protocol?: string;
  readonly "grpc.code"?: string;
  readonly username?: string;
}

const event = ([event, message]: readonly string[]): LogRecord => ({
  event: event!,
  level: "info",
  message: message!,
});
const listening = ({ endpoints }: Story) =>
  endpoints.map(({ target }) => event(["listening", `listening on ${target}`]));
const called = ({ name, outcome, peer }: Story["calls"][number], protocol: string): LogRecord => ({
  event: "call",
  level: outcome.level,
  ...(outcome.code === "OK" ? {} : { message: outcome.text }),
  peer,
  protocol,
  "grpc.code": outcome.code,
  username: name.name,
});

const lines = (stdout: readonly string[], stderr: readonly string[]): Lines => ({
  stdout: stdout.toSorted(),
  stderr: stderr.toSorted(),
});
const records = (records: readonly LogRecord[]) =>
  lines(records.map((record) => JSON.stringify(record)), []);

function split(text: string): string[] {
  assert.match(text, /^$|\n$/, "the last line does not end");
  return text.split("\n").slice(0, -1);
}

/** A line without a process id and without the port of a client. */
function foreseeable(line: string): string {
  return line.replace(/\(process \d+\)/, "(process *)")
    .replace(/(?<= from 127\.0\.0\.1:)\d+(?=: | by )/, "*");
}

function readRecord(line: string, { workers, delayMs }: Story): string {
  const record = JSON.parse(line);
  const { time, event, level, message, peer, protocol, worker, "grpc.code": code, username } =
    record;
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, line);
  const picked = { event, level, ...(message && { message: foreseeable(message) }) };
  if (event !== "call") return JSON.stringify(picked);
  // The worker's number, from 1 on, where there are workers.
  const known = workers === 0 ? worker === undefined : worker >= 1 && worker <= workers;
  assert.ok(known, `of worker ${worker}: ${line}`);
  // Timers may fire a little early.
  assert.ok(record["grpc.time_ms"] >= delayMs * 0.9, `took less than ${delayMs} ms: ${line}`);
  assert.equal(
    `${record["grpc.service"]}/${record["grpc.method"]}`,
    "userservice.UserService/GetUser",
  );
  const client = peer.replace(/(?<=^127\.0\.0\.1:)\d+$/, "*");
  return JSON.stringify({ ...picked, peer: client, protocol, "grpc.code": code, username });
}

/** What a server with `--record` tells of its calls, sorted; each has the name of its client. */
export function recordedCalls(text: string, story: Story): string[] {
  for (const line of split(text)) assert.match(line, /"metadata":\{"user-agent":\["[^"]+"\]\}/);
  return split(text).map((line) => readRecord(line, story)).toSorted();
}

/** What it is to tell of them. */
export function callRecords({ calls, protocol }: Story): string[] {
  return calls.map((call) => JSON.stringify(called(call, protocol))).toSorted();
}

const readText: LogForm["read"] = (stdout, stderr) =>
  lines(split(stdout).map(foreseeable), split(stderr).map(foreseeable));

export const logForms = {
  text: {
    beginning: (story) =>
      lines(story.endpoints.map(({ started }) => started), notices(start(story))),
    whole: (story) =>
      lines([
        ...story.endpoints.map(({ started }) => started),
        ...story.calls.map(({ name }) =>
          `Получен запрос к методу GetUser от пользователя: ${name.shown}`
        ),
      ], [...notices([...start(story), ...end(story)]), ...failures(story.calls, story.protocol)]),
    read: readText,
  },
  json: {
    beginning: (story) => records([...listening(story), ...start(story).map(event)]),
    whole: (story) =>
      records([
        ...listening(story),
        ...[...start(story), ...end(story)].map(event),
        ...story.calls.map((call) => called(call, story.protocol)),
      ]),
    read: (stdout, stderr, story) =>
      lines(split(stdout).map((line) => readRecord(line, story)), split(stderr)),
  },
  none: {
    beginning: () => lines([], []),
    whole: ({ calls, protocol }) => lines([], failures(warned(calls), protocol)),
    read: readText,
  },
} satisfies Record<string, LogForm>;
