import assert from "node:assert/strict";
import { FORMATS, type LogFormat } from "../../src/telemetry/log_format.ts";
import type { RecordOptions } from "../../src/telemetry/records.ts";
import {
  linuxTest,
  posixServeTest,
  posixTest,
  programTest,
  serveTest,
  shell,
  shellCommand,
  startUsersvc,
  Transcript,
  usersvc,
  withFolder,
} from "../support/program.ts";
import {
  finishCall,
  openSession,
  roundTrip,
  sendMessage,
  startCall,
} from "../support/raw_client.ts";
import {
  beforeDrain,
  calls,
  type LogRecord,
  LONG_NAME,
  makeCalls,
  records,
  serveUnread,
} from "../support/logs.ts";
import { getUserRequest, grpcMessage } from "../support/frames.ts";
import { until } from "../support/waits.ts";

/** The code of RST_STREAM with which a client gives up a call (RFC 9113, section 7). */
const CANCEL = 8;

async function call(port: number, name: string): Promise<number> {
  return (await usersvc(["call", "--address", `127.0.0.1:${port}`, "--", name])).code;
}

/** A time in RFC 3339, of the last minute, in milliseconds since the epoch. */
function recentTime(time: unknown): number {
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  const ageMs = Date.now() - Date.parse(String(time));
  assert.ok(ageMs >= -1_000 && ageMs < 60_000, `logged ${ageMs} ms ago`);
  return Date.parse(String(time));
}

/** A record without what a test cannot foresee, of which it checks the form. */
function foreseeable({ time, ...record }: LogRecord): LogRecord {
  const loggedAt = recentTime(time);
  if (record.event !== "call") return record;
  const {
    "grpc.time_ms": timeMs,
    "grpc.start_time": startTime,
    "grpc.timeout_ms": timeoutMs,
    peer,
    ...rest
  } = record;
  assert.ok(recentTime(startTime) <= loggedAt, `began at ${startTime}, was logged at ${time}`);
  assert.ok(timeoutMs === undefined || typeof timeoutMs === "number", `timeout: ${timeoutMs}`);
  assert.ok(typeof timeMs === "number" && timeMs >= 0 && timeMs < 10_000, `took ${timeMs} ms`);
  assert.match(String(peer), /^127\.0\.0\.1:\d+$/);
  return rest;
}

function callRecord(username: string, code = "OK"): LogRecord {
  return {
    level: "info",
    event: "call",
    protocol: "grpc",
    "grpc.service": "userservice.UserService",
    "grpc.method": "GetUser",
    "grpc.attempt": 1,
    "grpc.code": code,
    username,
  };
}

posixServeTest(
  "--log json writes a record per event and call, and nothing else",
  async (server) => {
    const greeted = [
      "Alice",
      '"}\n{"event":"forged"}\r\t\\',
      "\x00\x1b[2J\x7f\x9b\u2028\u2029\u202e\u2066",
      "👩‍👩‍👧 שלום Иван",
      "😀".repeat(256),
    ];
    for (const name of greeted.filter((name) => !name.includes("\0"))) {
      assert.equal(await call(server.port, name), 0);
    }
    // A command line cannot hold U+0000.
    const session = await openSession(server.port);
    await makeCalls(session, 1, () => greeted[2]!);
    session.close();
    assert.equal(await call(server.port, ""), 67);
    assert.equal(await call(server.port, "😀".repeat(257)), 67);
    server.kill("SIGTERM");
    const { code, stdout, stderr } = await server.ended();
    assert.deepEqual([code, stderr], [0, ""]);

    const [listening, ...rest] = records(stdout).map(foreseeable);
    assert.deepEqual(listening, {
      level: "info",
      event: "listening",
      message: `listening on [::]:${server.port}`,
      port: server.port,
      address: "::",
    });
    assert.deepEqual(rest.filter(({ event }) => event === "call"), [
      ...[0, 1, 3, 4, 2].map((index) => callRecord(greeted[index]!)),
      { ...callRecord("", "INVALID_ARGUMENT"), message: "username is empty" },
      {
        ...callRecord("😀".repeat(256) + "...", "INVALID_ARGUMENT"),
        message: "username is longer than 256 characters",
      },
    ]);
    // deno-lint-ignore no-control-regex
    const unsafe = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/;
    assert.doesNotMatch(stdout, unsafe);
  },
  ["--log", "json"],
);

/** What clients say of their deadlines, and how long the record says at most that they wait. */
const DEADLINES: [headers: Record<string, string>, atMost: number | undefined][] = [
  [{}, undefined],
  [{ "grpc-timeout": "5S" }, 5_000],
  [{ "grpc-timeout": "99999999H" }, undefined],
  [{ "content-type": "application/grpc-web", "grpc-timeout": "5S" }, 5_000],
  [{ "content-type": "application/proto", "connect-timeout-ms": "5000" }, 5_000],
  [{ "content-type": "application/proto" }, undefined],
];

serveTest("a record says how long its client waits, by whatever protocol", async (server) => {
  const session = await openSession(server.port);
  for (const [index, [headers]] of DEADLINES.entries()) {
    const isFramed = headers["content-type"] !== "application/proto";
    const request = getUserRequest(`${index}`);
    await sendMessage(startCall(session, headers), isFramed ? grpcMessage(request) : request);
  }
  session.close();
  await server.stdout.until(new RegExp(`"username":"${DEADLINES.length - 1}"`));
  const waits = calls(server.stdout.text).map((call) => call["grpc.timeout_ms"]);
  for (const [index, [headers, atMost]] of DEADLINES.entries()) {
    const timeoutMs = waits[index];
    const isRight = atMost === undefined
      ? timeoutMs === undefined
      : Number.isInteger(timeoutMs) && Number(timeoutMs) > 0 && Number(timeoutMs) <= atMost;
    assert.ok(isRight, `${JSON.stringify(headers)}: ${timeoutMs}`);
  }
}, ["--log", "json"]);

serveTest("the record of a call that is late says how long its client waited", async (server) => {
  const session = await openSession(server.port);
  const headers = { "content-type": "application/proto", "connect-timeout-ms": "500" };
  await sendMessage(startCall(session, headers), getUserRequest("late"));
  session.close();
  await server.stdout.until(/"username":"late"[^\n]*\n/);
  const [late] = calls(server.stdout.text);
  assert.equal(late!["grpc.code"], "DEADLINE_EXCEEDED");
  const timeoutMs = Number(late!["grpc.timeout_ms"]);
  assert.ok(timeoutMs > 0 && timeoutMs <= 500, `${timeoutMs}`);
}, ["--log", "json", "--delay", "10s"]);

serveTest("the records of a call that gRPC retries count its tries", async (server) => {
  const behavior = "rpc-behavior: succeed-on-retry-attempt-2,error-code-14";
  const args = ["--port", `${server.port}`, "--retries", "2", "-H", behavior, "--timeout", "8s"];
  assert.equal((await usersvc(["call", "Alice", ...args])).code, 0);
  await server.stdout.until(/"grpc\.code":"OK"[^\n]*\n/);
  const tries = calls(server.stdout.text);
  assert.deepEqual(
    tries.map((call) => [call["grpc.attempt"], call["grpc.code"]]),
    [[1, "UNAVAILABLE"], [2, "UNAVAILABLE"], [3, "OK"]],
  );
  // All tries have one deadline, and each is made after the one before.
  const left = tries.map((call) => Number(call["grpc.timeout_ms"]));
  assert.deepEqual(left, left.toSorted((a, b) => b - a));
  const started = tries.map((call) => recentTime(call["grpc.start_time"]));
  assert.deepEqual(started, started.toSorted((a, b) => a - b));
}, ["--log", "json", "--faults-by-metadata"]);

serveTest("what is no number of tries counts as none", async (server) => {
  const session = await openSession(server.port);
  const sent = ["1", "9999", "", "-1", "1.5", "x", "10000", "1e3"];
  for (const attempts of sent) {
    const headers = { "grpc-previous-rpc-attempts": attempts };
    await finishCall(startCall(session, headers), attempts);
  }
  session.close();
  await server.stdout.until(/"username":"1e3"[^\n]*\n/);
  const attempts = calls(server.stdout.text).map((call) => call["grpc.attempt"]);
  assert.deepEqual(attempts, [2, 10_000, 1, 1, 1, 1, 1, 1]);
}, ["--log", "json"]);

const SENT = {
  "authorization": "Bearer a, b",
  "user-agent": "Agent (one, two)",
  "x-list": ["one", "two"],
  "trace-bin": "AQI",
  "x-other": "secret",
};

serveTest("a record has the metadata that it is to have, and no other", async (server) => {
  const session = await openSession(server.port);
  await finishCall(startCall(session, SENT), "gRPC");
  const connect = { ...SENT, "content-type": "application/proto" };
  await sendMessage(startCall(session, connect), getUserRequest("Connect"));
  await finishCall(startCall(session), "none");
  session.close();
  await server.stdout.until(/"username":"none"[^\n]*\n/);
  const { "x-other": _, ...shown } = SENT;
  const values = Object.entries(shown).map(([name, value]) => [name, [value].flat()]);
  const [grpc, other, none] = calls(server.stdout.text).map(({ metadata }) => metadata);
  for (const metadata of [grpc, other]) {
    assert.deepEqual(metadata, { ...Object.fromEntries(values), "trace-bin": ["AQI="] });
  }
  assert.deepEqual(none, {});
}, ["--log", "json", "--log-metadata", "Authorization, user-agent,x-list,trace-bin,__proto__"]);

serveTest("the metadata of a record has a limit, whatever is sent", async (server) => {
  const session = await openSession(server.port);
  const call = (headers: Record<string, string | string[]>, name: string) =>
    finishCall(startCall(session, headers), name);
  await call({ "x-a": "a".repeat(3_000), "x-b": "b" }, "long");
  await call({ "x-a": Array(20).fill("a".repeat(900)), "x-b": "b" }, "many");
  const connect = { "content-type": "application/proto", "x-bin": ",".repeat(10_000) };
  await sendMessage(startCall(session, connect), getUserRequest("empty"));
  session.close();
  await server.stdout.until(/"username":"empty"[^\n]*\n/);
  const [long, many, empty] = calls(server.stdout.text)
    .map(({ metadata }) => metadata as Record<string, string[]>);
  assert.deepEqual(long, { "x-a": [`${"a".repeat(2_000)}...`], "x-b": ["b"] });
  assert.deepEqual(Object.keys(many!), ["x-a"]);
  assert.equal(many!["x-a"]!.at(-1), `${"a".repeat(8_000 - 8 * 932)}...`);
  assert.equal(empty!["x-bin"]!.length, 8_000 / 32);
}, ["--log", "json", "--log-metadata", "x-a,x-b,x-bin"]);

serveTest("metadata that gRPC does not allow is named in one plain line", async (server) => {
  const session = await openSession(server.port);
  await finishCall(startCall(session, { "x-a": ["1", "a\tb"] }), "Ann");
  session.close();
  await server.stdout.until(/"username":"Ann"[^\n]*\n/);
  const [dropped, call] = server.stdout.text.trim().split("\n").slice(-2)
    .map((line) => JSON.parse(line));
  assert.deepEqual([dropped.event, dropped.message], [
    "grpc_log",
    'values of the metadata "x-a" are dropped: gRPC allows a-z, 0-9, "_", "-" and "." in names, ' +
    "and printable ASCII in values",
  ]);
  assert.deepEqual(call.metadata, { "x-a": ["1"] });
}, ["--log", "json", "--log-metadata", "x-a"]);

posixServeTest("the records of workers have metadata too", async (server) => {
  const session = await openSession(server.port);
  await finishCall(startCall(session, { "x-a": "1" }), "Alice");
  session.close();
  const [record] = await server.stdout.until(/"event":"call"[^\n]*\n/);
  assert.match(record, /,"metadata":\{"x-a":\["1"\]\}/);
}, ["--log", "json", "--log-metadata", "x-a", "--workers", "1"]);

programTest("--log-metadata needs records and names", async () => {
  const refused: [flags: string[], says: RegExp][] = [
    [["--log-metadata", "a"], /--log-metadata needs --log json or --record/],
    [["--log-metadata", "a b", "--log", "json"], /up to 20 names of metadata/],
    [["--log-metadata", "", "--log", "json"], /up to 20 names of metadata/],
    [["--log-metadata", [..."abcdefghijklmnopqrstu"].join(), "--log", "json"], /up to 20 names/],
  ];
  for (const [flags, says] of refused) {
    const { code, stderr } = await usersvc(["serve", "--port", "0", ...flags]);
    assert.equal(code, 2);
    assert.match(stderr, says);
  }
});

/** How calls end: the flags of the server, and the code of the calls that reach an answer. */
const ENDINGS: [name: string, flags: string[], code: string][] = [
  ["answered at once", [], "OK"],
  ["answered late", ["--delay", "50ms"], "OK"],
  ["failed on purpose", ["--fail", "NOT_FOUND"], "NOT_FOUND"],
  ["failed on purpose and late", ["--delay", "50ms", "--fail", "NOT_FOUND"], "NOT_FOUND"],
];

/** Makes calls that are answered: ten with good names and two with an empty one. */
async function callTwelve(port: number): Promise<void> {
  const session = await openSession(port);
  const names = [...Array.from({ length: 10 }, (_, index) => `user ${index}`), "", ""];
  await Promise.all(names.map((name) => finishCall(startCall(session), name)));
  const closed = new Promise<void>((resolve) => session.once("close", () => resolve()));
  session.close();
  await closed;
}

for (const [name, flags, code] of ENDINGS) {
  const refused = code === "OK" ? "INVALID_ARGUMENT" : code;
  const codes = [...Array(10).fill(code), refused, refused].sort();

  posixServeTest(
    `a call has one record and is counted once: ${name}, json and metrics`,
    async (server) => {
      const [, url] = await server.stdout.until(/metrics are served at (http:[^ "]+)/);
      await callTwelve(server.port);
      const metrics = await (await fetch(url!)).text();
      server.kill("SIGTERM");
      const ended = calls((await server.ended()).stdout);
      assert.deepEqual(ended.map((call) => call["grpc.code"]).sort(), codes);
      assert.match(metrics, /^grpc_server_started_total\{.*\} 12$/m);
      assert.match(metrics, /^grpc_server_handling_seconds_count\{.*\} 12$/m);
      const handled = [...metrics.matchAll(/^grpc_server_handled_total\{.*\} (\d+)$/gm)];
      assert.equal(handled.reduce((sum, [, count]) => sum + Number(count), 0), 12);
    },
    ["--log", "json", "--metrics-port", "0", ...flags],
  );

  posixServeTest(`a call has one line, and one more if it fails: ${name}, text`, async (server) => {
    await callTwelve(server.port);
    server.kill("SIGTERM");
    const { stdout, stderr } = await server.ended();
    assert.equal(stdout.match(/^Получен запрос /gm)?.length, 12);
    const failed = [...stderr.matchAll(/ GetUser of .* from \S+: ([A-Z_]+): /g)];
    assert.deepEqual(failed.map(([, code]) => code), codes.filter((code) => code !== "OK"));
  }, flags);
}

posixServeTest(
  "a call that its client gives up has one record, and is counted once",
  async (server) => {
    const [, url] = await server.stdout.until(/metrics are served at (http:[^ "]+)/);
    const session = await openSession(server.port);
    const cancelled = startCall(session);
    const gone = finishCall(cancelled, "gone").catch(() => {});
    const late = finishCall(startCall(session, { "grpc-timeout": "100m" }), "late");
    await roundTrip(session);
    cancelled.close(CANCEL);
    await gone;
    assert.equal((await late).status, "4");
    // Longer than the delay: what would be recorded once more then is seen.
    await new Promise((resolve) => setTimeout(resolve, 500));
    const metrics = await (await fetch(url!)).text();
    session.close();
    server.kill("SIGTERM");
    const ended = calls((await server.ended()).stdout);
    const ends = ended.map((call) => [call.username, call["grpc.code"], call.message]);
    assert.deepEqual(ends.toSorted(), [
      ["gone", "CANCELLED", "the client went away before the answer"],
      ["late", "DEADLINE_EXCEEDED", "the deadline passed before the answer"],
    ]);
    assert.match(metrics, /^grpc_server_handling_seconds_count\{.*\} 2$/m);
    assert.match(metrics, /^grpc_server_handled_total\{.*"Canceled"\} 1$/m);
    assert.match(metrics, /^grpc_server_handled_total\{.*"DeadlineExceeded"\} 1$/m);
  },
  ["--log", "json", "--metrics-port", "0", "--delay", "400ms"],
);

posixTest("--log none writes nothing on stdout, and still says why it cannot start", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const args = ["--host", "127.0.0.1", "--port", `${port}`, "--log", "none"];
  const inUse = await usersvc(["serve", ...args]);
  assert.deepEqual([inUse.code, inUse.stdout], [1, ""]);
  assert.match(inUse.stderr, /^usersvc serve: cannot listen on 127\.0\.0\.1:\d+: [^\n]+\n$/);
  listener.close();

  const server = startUsersvc(["serve", ...args]);
  await until("the server answers", async () => await call(port, "Alice") === 0);
  assert.equal(await call(port, ""), 67);
  server.kill("SIGTERM");
  assert.deepEqual(await server.ended(), { code: 0, stdout: "", stderr: "" });
});

posixTest("what a reader has yet to read when the server ends is not lost", async () => {
  const { child, stderr, port } = await serveUnread([]);
  const session = await openSession(port);
  // More than a pipe holds, less than the server keeps.
  await makeCalls(session, 2_000, (index) => `${index} ${LONG_NAME}`);
  const closed = new Promise<void>((resolve) => session.once("close", () => resolve()));
  child.kill("SIGTERM");
  session.close();
  await closed;
  const stdout = new Transcript(child.stdout);
  assert.equal((await child.status).code, 0);
  assert.equal(await beforeDrain(stderr), "");
  const lines = (await stdout.all()).trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => Number(/: (\d+) x+$/.exec(line)?.[1])).sort((a, b) => a - b),
    Array.from({ length: 2_000 }, (_, index) => index),
  );
});

posixTest("a closed stdout does not stop the server", async () => {
  const { child, stderr, port } = await serveUnread([]);
  await child.stdout.cancel();
  const session = await openSession(port);
  await makeCalls(session, 1_000, () => "Alice");
  session.close();
  child.kill("SIGTERM");
  assert.equal((await child.status).code, 0);
  assert.equal(await beforeDrain(stderr), "");
});

linuxTest("a server that cannot say where it listens ends, and leaves nothing", async () => {
  for (const workers of ["", " --workers 2"]) {
    await withFolder(async (folder) => {
      const serve = shellCommand(`serve --port 0 --unix ${folder}/socket${workers}`);
      const { code, stderr } = await shell(`${serve} >/dev/full`);
      assert.equal(code, 1);
      const lines = stderr.split("\n").filter((line) => !/process \d+\) has started/.test(line));
      assert.match(
        lines.join("\n"),
        /^usersvc serve: nobody can learn where the server listens: cannot write the output: No space left[^\n]*\n$/,
      );
      assert.deepEqual(await Array.fromAsync(Deno.readDir(folder)), []);
    });
  }
});

const FAILED_CALL = {
  protocol: "grpc" as const,
  service: "userservice.UserService",
  method: "GetUser",
  peer: () => "192.0.2.1:1",
  username: "a\nb",
  startedAt: Date.UTC(2026, 0, 2, 3, 4, 5, 6),
  deadline: () => Infinity,
  metadata: () => [],
};
const FAILURE = { code: "INTERNAL", reason: "thrown\nat x", timeMs: 1.23456 } as const;
const NOTICES = [
  { level: "info", event: "draining", message: "draining" },
  {
    level: "warn",
    event: "worker_replaced",
    message: "worker 1 has\x1b died",
    fields: { pid: 7, reason: "killed\u202e" },
  },
] as const;

/** What a log writes of a failed call and of two notices. */
function written(format: LogFormat, options: RecordOptions = {}) {
  const lines = { stdout: [] as string[], stderr: [] as string[] };
  const to = (stream: "stdout" | "stderr") => ({
    line: (text: string) => void lines[stream].push(text),
  });
  const events = FORMATS[format](to("stdout"), to("stderr"), options);
  events.callFinished(FAILED_CALL, FAILURE);
  NOTICES.forEach((notice) => events.notice(notice));
  return lines;
}

Deno.test("failures and notices are escaped lines of stderr; without a log, those that matter", () => {
  const failed = 'usersvc serve: failed GetUser of "a\\nb" from 192.0.2.1:1: INTERNAL: ' +
    "thrown\\nat x";
  const died = "usersvc serve: worker 1 has\\x1b died";
  assert.deepEqual(written("text"), {
    stdout: [],
    stderr: [failed, "usersvc serve: draining", died],
  });
  assert.deepEqual(written("none"), { stdout: [], stderr: [failed, died] });
});

function withoutTime(line: string): LogRecord {
  const { time: _, ...record } = JSON.parse(line);
  return record;
}

Deno.test("failures and notices are records, with the number of the worker", () => {
  const { stdout, stderr } = written("json", { worker: 2 });
  assert.deepEqual(stderr, []);
  assert.deepEqual(stdout.map(withoutTime), [
    {
      level: "error",
      event: "call",
      worker: 2,
      peer: "192.0.2.1:1",
      protocol: "grpc",
      "grpc.service": "userservice.UserService",
      "grpc.method": "GetUser",
      "grpc.start_time": "2026-01-02T03:04:05.006Z",
      "grpc.attempt": 1,
      "grpc.code": "INTERNAL",
      "grpc.time_ms": 1.235,
      username: "a\nb",
      message: "thrown\nat x",
    },
    { level: "info", event: "draining", worker: 2, message: "draining" },
    {
      level: "warn",
      event: "worker_replaced",
      worker: 2,
      message: "worker 1 has\x1b died",
      pid: 7,
      reason: "killed\u202e",
    },
  ]);
  assert.match(stdout[2]!, /killed\\u202e/);
});
