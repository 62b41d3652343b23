/** What a server does on purpose: asked by metadata, by a file of answers, by flags. */
import assert from "node:assert/strict";
import type { Metadata, ServiceError } from "@grpc/grpc-js";
import { once } from "node:events";
import { connect } from "node:net";
import { FAILURES } from "../../src/commands/fault_values.ts";
import { loadContract, type UserServiceClient } from "../../src/contract/contract.ts";
import { errorDetails } from "../../src/contract/error_details.ts";
import { RESERVED_IN_ANSWERS } from "../../src/contract/metadata_names.ts";
import type { IncomingCall } from "../../src/server/call/incoming_call.ts";
import { MAX_DELAY_MS, parseDelay } from "../../src/server/faults/plan.ts";
import {
  posixServeTest,
  posixTest,
  programTest,
  type Serve,
  serveTest,
  usersvc,
  withFolder,
  withServe,
} from "../support/program.ts";
import { calls as callRecords } from "../support/logs.ts";

type Headers = readonly (readonly [name: string, value: string])[];

/** What came of a call. */
interface Answer {
  readonly code: number;
  readonly text: string;
  readonly ms: number;
  /** The initial metadata, and the trailers of a failed call. */
  readonly metadata: Record<string, unknown>;
  /** The fields that a `google.rpc.BadRequest` names. */
  readonly fields: readonly string[];
}

async function clientOf({ port }: Pick<Serve, "port">): Promise<UserServiceClient> {
  const { credentials } = await import("@grpc/grpc-js");
  const { UserService } = await loadContract();
  return new UserService(`127.0.0.1:${port}`, credentials.createInsecure());
}

async function call(
  client: UserServiceClient,
  username: string,
  headers: Headers = [],
  timeoutMs = 20_000,
): Promise<Answer> {
  const { Metadata } = await import("@grpc/grpc-js");
  const metadata = new Metadata();
  for (const [name, value] of headers) metadata.add(name, value);
  const { promise, resolve } = Promise.withResolvers<Answer>();
  const start = performance.now();
  let initial = {};
  const started = client.getUser(
    { username },
    metadata,
    { deadline: Date.now() + timeoutMs },
    async (error: ServiceError | null, response) => {
      const ms = performance.now() - start;
      const details = error ? await errorDetails(error) ?? [] : [];
      resolve({
        code: error?.code ?? 0,
        text: error?.details ?? response!.message,
        ms,
        metadata: { ...error?.metadata.getMap(), ...initial },
        fields: details.flatMap((detail) =>
          (detail["fieldViolations"] as { field: string }[]).map(({ field }) => field)
        ),
      });
    },
  );
  started.on("metadata", (received: Metadata) => initial = received.getMap());
  return await promise;
}

/** The fault of each call in the log of `--log json`, in their order. */
async function faultsOf(server: Serve, calls: number): Promise<unknown[]> {
  // The first line says where the server listens.
  assert.ok(await server.stdout.lines(1 + calls));
  return callRecords(server.stdout.text).map(({ fault }) => fault);
}

const BEHAVIOR = "rpc-behavior";
const ATTEMPTS = "grpc-previous-rpc-attempts";
const ABORT = "x-envoy-fault-abort-grpc-request";
const DELAY = "x-envoy-fault-delay-request";

/** Headers, the status code, the least time in milliseconds, and what the log says. */
const asked: readonly (readonly [Headers, number, number, object | undefined])[] = [
  [[], 0, 0, undefined],
  [[[ABORT, "14"]], 14, 0, { code: "UNAVAILABLE" }],
  [[[DELAY, "60"]], 0, 55, { delay_ms: 60 }],
  [[[DELAY, "60"], [ABORT, "5"]], 5, 55, { delay_ms: 60, code: "NOT_FOUND" }],
  [[[ABORT, "14"], ["x-envoy-fault-abort-request-percentage", "0%"]], 0, 0, undefined],
  [[[ABORT, "14"], ["x-envoy-fault-abort-request-percentage", "100"]], 14, 0, {
    code: "UNAVAILABLE",
  }],
  [[[DELAY, "9000"], ["x-envoy-fault-delay-request-percentage", "0"]], 0, 0, undefined],
  [[[BEHAVIOR, "error-code-7"]], 7, 0, { code: "PERMISSION_DENIED" }],
  [[[BEHAVIOR, "sleep-0.03,sleep-0.03"]], 0, 55, { delay_ms: 60 }],
  [[[BEHAVIOR, "sleep-0.06, error-code-13"]], 13, 55, { delay_ms: 60, code: "INTERNAL" }],
  [[[BEHAVIOR, "sleep-0.06"], [BEHAVIOR, "error-code-13"]], 13, 55, {
    delay_ms: 60,
    code: "INTERNAL",
  }],
  [[[BEHAVIOR, "error-code-13,sleep-9"]], 13, 0, { code: "INTERNAL" }],
  [[[BEHAVIOR, "hostname=other error-code-13"]], 0, 0, undefined],
  [[[BEHAVIOR, "hostname=other keep-open"], [DELAY, "60"]], 0, 55, { delay_ms: 60 }],
  [[[BEHAVIOR, "hostname=other sleep-9,hostname=here error-code-8"]], 8, 0, {
    code: "RESOURCE_EXHAUSTED",
  }],
  [[[BEHAVIOR, "succeed-on-retry-attempt-2,error-code-14"]], 14, 0, { code: "UNAVAILABLE" }],
  [[[BEHAVIOR, "succeed-on-retry-attempt-2,error-code-14"], [ATTEMPTS, "1"]], 14, 0, {
    code: "UNAVAILABLE",
  }],
  [[[BEHAVIOR, "succeed-on-retry-attempt-2,error-code-14"], [ATTEMPTS, "2"]], 0, 0, undefined],
  [[[BEHAVIOR, "succeed-on-retry-attempt-2"]], 0, 0, undefined],
];

/** Headers that make no sense, and which of them is named. */
const nonsense: readonly (readonly [Headers, string])[] = [
  [[[ABORT, "0"]], ABORT],
  [[[ABORT, "17"]], ABORT],
  [[[ABORT, "UNAVAILABLE"]], ABORT],
  [[[DELAY, "60001"]], DELAY],
  [[[DELAY, "1"], [DELAY, "2"]], DELAY],
  [[[DELAY, "1"], [`${DELAY}-percentage`, "101"]], `${DELAY}-percentage`],
  [[[BEHAVIOR, "sleep-61"]], BEHAVIOR],
  [[[BEHAVIOR, "sleep-40,sleep-21"]], BEHAVIOR],
  [[[BEHAVIOR, "sleep-x"]], BEHAVIOR],
  [[[BEHAVIOR, "error-code-0"]], BEHAVIOR],
  [[[BEHAVIOR, "hostname=here"]], BEHAVIOR],
  [[[BEHAVIOR, "explode"]], BEHAVIOR],
  [[[BEHAVIOR, "error-code-5,explode"]], BEHAVIOR],
  [[[BEHAVIOR, "sleep-0,".repeat(200)]], BEHAVIOR],
  [[[BEHAVIOR, "succeed-on-retry-attempt-1"], [ATTEMPTS, "x"]], ATTEMPTS],
];

posixServeTest("a call asks by its metadata for what is done to it", async (server) => {
  const client = await clientOf(server);
  for (const [headers, code, leastMs] of asked) {
    const answer = await call(client, "Alice", headers);
    const what = JSON.stringify([headers, answer]);
    assert.equal(answer.code, code, what);
    assert.ok(answer.ms >= leastMs && answer.ms < 5_000, what);
    if (code === 0) assert.equal(answer.text, "Привет, Alice!", what);
    else assert.match(answer.text, /^failed on purpose \([a-z-]+\)$/);
    assert.equal(answer.metadata.hostname, "here", what);
  }
  for (const [headers, named] of nonsense) {
    const answer = await call(client, "Alice", headers);
    const what = JSON.stringify([headers, answer]);
    assert.deepEqual([answer.code, answer.fields], [3, [named]], what);
    assert.ok(answer.text.startsWith(`${named} expects `), what);
  }
  client.close();
  assert.equal((await usersvc(["check", "--port", `${server.port}`, "--timeout", "30s"])).code, 0);
  assert.deepEqual(await faultsOf(server, asked.length + nonsense.length), [
    ...asked.map(([, , , fault]) => fault && { source: "metadata", ...fault }),
    ...nonsense.map(() => undefined),
  ]);
}, ["--faults-by-metadata", "--instance", "here", "--log", "json"]);

posixTest("a call that is kept open ends with its deadline, or with the drain", async () => {
  for (const workers of [[], ["--workers", "1"]]) {
    await withServe(async (server) => {
      const client = await clientOf(server);
      const short = await call(client, "Alice", [[BEHAVIOR, "keep-open"]], 2_000);
      assert.equal(short.code, 4);
      const kept = call(client, "Alice", [[BEHAVIOR, "keep-open"]]);
      const behind = call(client, "Alice", [[BEHAVIOR, "sleep-1"]]);
      await server.stdout.lines(4);
      const start = performance.now();
      server.kill("SIGTERM");
      const ended = await kept;
      assert.deepEqual([ended.code, ended.text], [14, "the server is draining"]);
      assert.equal((await behind).code, 0);
      assert.equal((await server.ended()).code, 0);
      assert.ok(performance.now() - start < 50_000);
      client.close();
    }, ["--faults-by-metadata", "--grace", "1m", ...workers]);
  }
});

posixServeTest("a call whose deadline passed before it came is not kept open", async (server) => {
  const body = '{"username":"Alice"}';
  const head = [
    "POST /userservice.UserService/GetUser HTTP/1.1",
    "host: a",
    "content-type: application/json",
    `content-length: ${body.length}`,
    "connect-timeout-ms: 1",
    `${BEHAVIOR}: keep-open`,
  ];
  // What answers by HTTP is loaded with the first request.
  await (await fetch(`http://127.0.0.1:${server.port}/healthz`)).text();
  const socket = connect({ host: "127.0.0.1", port: server.port });
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  // Where the server is slower than this, the call is kept open until its deadline, and ends alike.
  setTimeout(() => socket.write(body), 50);
  const [answer] = await once(socket, "data");
  assert.match(String(answer), /"deadline_exceeded"/);
  socket.destroy();
  server.kill("SIGTERM");
  const { stderr } = await server.ended();
  assert.match(stderr, /of "Alice" from \S+ by connect: DEADLINE_EXCEEDED: [^]+SIGTERM: draining/);
}, ["--faults-by-metadata"]);

posixServeTest("a delay that a call asks for does not outlast the grace period", async (server) => {
  const client = await clientOf(server);
  const late = call(client, "Alice", [[BEHAVIOR, "sleep-60"]], 90_000);
  await server.stdout.lines(2);
  const start = performance.now();
  server.kill("SIGTERM");
  assert.equal((await late).code, 14);
  assert.equal((await server.ended()).code, 1);
  assert.ok(performance.now() - start < 50_000);
  client.close();
}, ["--faults-by-metadata", "--grace", "200ms"]);

function withFile(content: unknown, use: (path: string) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    await write(`${folder}/answers.json`, content);
    await use(`${folder}/answers.json`);
  });
}

function write(path: string, content: unknown): Promise<void> {
  if (content instanceof Uint8Array) return Deno.writeFile(path, content);
  return Deno.writeTextFile(path, typeof content === "string" ? content : JSON.stringify(content));
}

const violations = [{ field: "plan", description: "is over" }];
const answers = {
  "Unknown": { code: "NOT_FOUND", reason: "User not found" },
  "Slow": { delay: "60ms-80ms" },
  "Flaky": [{ code: "UNAVAILABLE" }, { code: "UNAVAILABLE", delay: "60ms" }, {}],
  "Refused": { code: "failed_precondition", reason: "no", details: { violations } },
  "Marked": { metadata: { "x-tenant": "7", "hostname": "elsewhere", "constructor": "Bob" } },
  "constructor": { message: "Hello" },
};

posixTest(
  "a file says what usernames are answered",
  () =>
    withFile(answers, (path) =>
      withServe(async (server) => {
        const client = await clientOf(server);
        const expected: readonly (readonly [string, number, string, number, object?])[] = [
          ["Alice", 0, "Привет, Alice!", 0],
          ["Unknown", 5, "User not found", 0, { code: "NOT_FOUND" }],
          ["Flaky", 14, "failed on purpose (file of answers)", 0, { code: "UNAVAILABLE" }],
          ["Flaky", 14, "failed on purpose (file of answers)", 55, {
            delay_ms: 60,
            code: "UNAVAILABLE",
          }],
          ["Flaky", 0, "Привет, Flaky!", 0],
          ["Flaky", 0, "Привет, Flaky!", 0],
          ["Refused", 9, "no", 0, { code: "FAILED_PRECONDITION" }],
          ["Marked", 0, "Привет, Marked!", 0, {}],
          ["constructor", 0, "Hello", 0, { code: "OK" }],
          ["", 3, "username is empty", 0],
        ];
        for (const [name, code, text, leastMs] of expected) {
          const answer = await call(client, name);
          assert.deepEqual([answer.code, answer.text], [code, text], name);
          assert.ok(answer.ms >= leastMs && answer.ms < 5_000, `${name}: ${answer.ms}`);
          if (name === "Refused") assert.deepEqual(answer.fields, ["plan"]);
          const { hostname, "x-tenant": tenant } = answer.metadata;
          const isMarked = name === "Marked";
          assert.deepEqual([hostname, tenant], isMarked ? ["elsewhere", "7"] : ["here", undefined]);
          if (isMarked) assert.equal(answer.metadata["constructor"], "Bob");
        }
        const slow = await call(client, "Slow");
        assert.ok(slow.code === 0 && slow.ms >= 55 && slow.ms < 5_000, `${slow.ms}`);
        client.close();
        const faults = await faultsOf(server, expected.length + 1) as { delay_ms?: number }[];
        assert.deepEqual(
          faults.slice(0, -1),
          expected.map(([, , , , fault]) => fault && { source: "answers", ...fault }),
        );
        const { delay_ms: delay = 0 } = faults.at(-1)!;
        assert.ok(delay >= 60 && delay <= 80, `${delay}`);
      }, ["--answers", path, "--instance", "here", "--log", "json"])),
);

posixTest(
  "metadata wins over the file of answers, and that over --fail; each is counted",
  () =>
    withFile({ Bob: { code: "NOT_FOUND" }, Carol: {} }, (path) =>
      withServe(async (server) => {
        const [, url] = await server.stderr.until(/metrics are served at (http:\S+)\n/);
        // Each on a connection of its own, so that both workers have some.
        const codes = [];
        for (
          const [name, headers] of [
            ["Alice", []],
            ["Bob", []],
            ["Bob", [[BEHAVIOR, "error-code-7"]]],
            ["Carol", []],
            ["Alice", [[BEHAVIOR, "error-code-7"]]],
            ["Bob", [[BEHAVIOR, "hostname=other error-code-9"]]],
          ] as const
        ) {
          const client = await clientOf(server);
          codes.push((await call(client, name, headers)).code);
          client.close();
        }
        assert.deepEqual(codes, [13, 5, 7, 0, 7, 5]);
        const text = await (await fetch(url!)).text();
        assert.deepEqual(text.split("\n").filter((line) => /^usersvc_faults/.test(line)).sort(), [
          'usersvc_faults_total{source="answers",code="NotFound"} 2',
          'usersvc_faults_total{source="flags",code="Internal"} 1',
          'usersvc_faults_total{source="metadata",code="PermissionDenied"} 2',
        ]);
      }, [
        ...["--faults-by-metadata", "--answers", path, "--fail", "INTERNAL"],
        ...["--workers", "2", "--metrics-port", "0"],
      ])),
);

programTest("every mistake of a file of answers is named by its path", async () => {
  const wrong = {
    "Bob": { code: "NOT_FUND", reasn: "x" },
    "Slow": { delay: "61s" },
    "Flaky": [{ code: 7 }, 3],
    "a b": { message: "hi", code: "INTERNAL", metadata: { "content-encoding": "b", "k": 5 } },
    "None": [],
    "D": { code: "NOT_FOUND", details: { violations: [{ field: 3, description: "" }] } },
  };
  const paths = [
    "Bob.code",
    "Bob.reasn",
    "Slow.delay",
    "Flaky[0].code",
    "Flaky[1]",
    '["a b"].metadata.content-encoding',
    '["a b"].metadata.k',
    "None",
    "D.details.violations[0].field",
  ];
  const cases: [unknown, RegExp][] = [
    [wrong, new RegExp(paths.map((path) => `${RegExp.escape(path)}: expects [^;]+`).join("; "))],
    [{ A: { code: "OK", reason: "x" } }, /A\.reason: expects a code beside it that is not OK/],
    [{ A: { code: "INTERNAL", message: "x" } }, /A\.message: expects no code beside it, or OK/],
    [
      `{"A": {"code": "INTERNAL", "\\u0063ode": "OK"}, "B": [{}, {"delay": "1s", "delay": "2s"}],
        "B": {"reason": "\\"A\\": {"}, "A b": {"metadata": {"a": "1", "b": "2", "a": "1"}}}`,
      /: A\.code: expects this name once; B\[1\]\.delay: [^;]+ once; B: [^;]+ once; \["A b"\]\.meta[^;]+\.a: [^;]+ once;/,
    ],
    ['{"A": {"details": {"violations": [{}, {}]}}}', /A\.details\.violations\[1\]\.field: [^;]+;/],
    [
      '{"\\ud800": {"message": "\\udc00"}, "A": {"code": "INTERNAL", "reason": "a\\ud800b"}}',
      /: \["\\ud800"\]: expects a text of whole [^;]+; \["\\ud800"\]\.message: [^;]+; A\.reason: [^;]+$/m,
    ],
    [{ constructor: 5 }, /constructor: expects an object with the keys message, /],
    [[1], /the file: expects an object from usernames to answers/],
    ["{", /is not JSON: /],
    ["\u001b[2J", /is not JSON: \P{Cc}+\n$/u],
    [Uint8Array.of(0xff, 0xfe, 0x7b, 0x00), /is not UTF-8; save it as UTF-8/],
  ];
  for (const [content, message] of cases) {
    await withFile(content, async (path) => {
      const { code, stdout, stderr } = await usersvc(["serve", "--port", "0", "--answers", path]);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, message);
      assert.match(stderr, /^usersvc serve: [^\n]+\n$/);
    });
  }
});

posixTest("a file of answers that is none is refused: a pipe would stop the server", async () => {
  const answers = ["--answers", "/dev/null"];
  const { code, stderr } = await usersvc(["serve", "--port", "0", ...answers]);
  assert.equal(code, 1);
  assert.equal(stderr, "usersvc serve: cannot read /dev/null: it is not a regular file\n");
});

posixTest(
  "a list of answers is refused with workers, which are replaced, with the reason",
  () =>
    withFile({ Flaky: [{}] }, async (path) => {
      for (const workers of ["1", "2"]) {
        const args = ["--port", "0", "--workers", workers, "--answers", path];
        const { code, stderr } = await usersvc(["serve", ...args]);
        assert.equal(code, 1);
        assert.match(
          stderr,
          /"Flaky": a list of answers needs a server without workers, [^\n]+\n$/,
        );
      }
    }),
);

programTest("the list of all other usernames begins for each of them", () => {
  const failing = (reason: string) => ({ code: "UNAVAILABLE", reason });
  const file = { "*": [failing("first"), {}], "Bob": [failing("Bob"), {}] };
  return withFile(file, async (path) => {
    // Loaded by this test alone, since a bare `deno test` may read nothing.
    const { readAnswers } = await import("../../src/server/faults/answers.ts");
    const plan = await readAnswers({ path, workers: false }, Math.random);
    const said = (username: string) => plan({ username } as IncomingCall)?.answer?.reason;
    for (const name of ["A", "B", "", "*"]) assert.equal(said(name), "first", name);
    assert.equal(said("A"), undefined);
    assert.deepEqual([said("Bob"), said("Bob")], ["Bob", undefined]);
    // Names that are too long count as one.
    const long = "x".repeat(1_000);
    assert.deepEqual([said(long), said(`${long}y`)], ["first", undefined]);
    const begin = (count: number, prefix: string) => {
      for (let begun = 0; begun < count; begun++) assert.equal(said(prefix + begun), "first");
    };
    // With the six names above these are 10,000, as many as are remembered.
    begin(9_994, "n");
    assert.deepEqual([said("B"), said("A")], [undefined, undefined]);
    begin(1, "m");
    assert.deepEqual([said(""), said("A"), said("B")], ["first", undefined, undefined]);
  });
});

Deno.test("an answer's metadata has no name that HTTP, gRPC or Connect own", () => {
  const owned = ["content-encoding", "grpc-status", "access-control-allow-origin", "date", "te"];
  for (const name of [...owned, "connect-protocol-version", "trailer-x", "vary", "set-cookie"]) {
    assert.ok(RESERVED_IN_ANSWERS.test(name), name);
  }
  for (const name of ["x-tenant", "hostname", "retry-after", "server", "trailers", "context"]) {
    assert.ok(!RESERVED_IN_ANSWERS.test(name), name);
  }
});

posixTest("SIGHUP reads the file of answers again; one that is wrong changes nothing", async () => {
  for (const workers of [[], ["--workers", "1"]]) {
    await withFile({ Bob: { message: "one" } }, (path) =>
      withServe(async (server) => {
        const client = await clientOf(server);
        const said = async () => (await call(client, "Bob")).text;
        assert.equal(await said(), "one");
        await write(path, { Bob: { message: 2 } });
        server.kill("SIGHUP");
        await server.stderr.until(
          /SIGHUP: the old file of answers stays in use: \S+: Bob\.message: expects a text in quotes\n/,
        );
        assert.equal(await said(), "one");
        // Editors on Windows begin a file with a byte order mark.
        await write(path, `\ufeff${JSON.stringify({ Bob: { message: "two" } })}`);
        server.kill("SIGHUP");
        await server.stderr.until(/SIGHUP: new calls use the new file of answers\n/);
        assert.equal(await said(), "two");
        client.close();
      }, ["--answers", path, ...workers]));
  }
});

posixServeTest("--fail takes several codes, each with its share of the calls", async (server) => {
  const client = await clientOf(server);
  const counts: Record<string, number> = {};
  for (let i = 0; i < 10; i++) {
    const calls = Array.from({ length: 100 }, () => call(client, "Alice"));
    for (const { code } of await Promise.all(calls)) counts[code] = (counts[code] ?? 0) + 1;
  }
  client.close();
  assert.deepEqual(Object.keys(counts), ["0", "13", "14"]);
  // 1,000 calls: ten standard deviations from 300 and 200 are 145 and 126.
  assert.ok(Math.abs(counts["14"]! - 300) < 145, JSON.stringify(counts));
  assert.ok(Math.abs(counts["13"]! - 200) < 126, JSON.stringify(counts));
}, ["--fail", "UNAVAILABLE:0.3,INTERNAL:0.2"]);

posixTest("with the same seed shares, percentages and ranges fall the same way", async () => {
  const path = await Deno.makeTempFile({ prefix: "usersvc-answers-", suffix: ".json" });
  await write(path, { Slow: { delay: "0-5ms" } });
  const percentage = `${ABORT}`.replace("grpc-request", "request-percentage");
  const asked: [string, Headers][] = [
    ["Alice", []],
    ["Slow", []],
    ["Alice", [[ABORT, "14"], [percentage, "50"]]],
  ];
  const run = async (seed: string) => {
    let faults: unknown[] = [];
    await withServe(async (server) => {
      const client = await clientOf(server);
      for (let i = 0; i < 30; i++) await call(client, ...asked[i % asked.length]!);
      client.close();
      assert.ok(await server.stdout.lines(32));
      const records = server.stdout.text.trim().split("\n").map((line) => JSON.parse(line));
      const [seeded] = records.filter(({ event }) => event === "seeded");
      assert.equal(seeded.seed, Number(seed));
      faults = records.filter(({ event }) => event === "call").map(({ fault }) => fault);
    }, [
      ...["--log", "json", "--faults-by-metadata", "--answers", path, "--seed", seed],
      ...["--fail", "INTERNAL:0.5", "--delay", "0-5ms"],
    ]);
    return faults;
  };
  const first = await run("7");
  assert.equal(first.length, 30);
  assert.deepEqual(await run("7"), first);
  assert.notDeepEqual(await run("8"), first);
  await Deno.remove(path);
});

programTest("a seed is refused where nothing could follow from it", async () => {
  const cases: [string[], RegExp][] = [
    [[], /^usersvc serve: --seed needs --fail, --delay, --answers or --faults-by-metadata; see /],
    [
      ["--fail", "INTERNAL:0.5", "--workers", "2"],
      /^usersvc serve: --seed cannot be combined with --workers: which of them gets a call is chance/,
    ],
  ];
  for (const [flags, line] of cases) {
    const { code, stderr } = await usersvc(["serve", "--port", "0", "--seed", "7", ...flags]);
    assert.equal(code, 2);
    assert.match(stderr, line);
  }
});

programTest("the environment gives an instance its name, which cannot have spaces", async () => {
  const { code, stderr } = await usersvc(["serve", "--port", "0"], {
    env: { USERSVC_INSTANCE: "a b" },
  });
  assert.equal(code, 2);
  assert.match(stderr, /USERSVC_INSTANCE[^\n]*a name of at most 253/);
});

serveTest("--delay takes a range", async (server) => {
  const client = await clientOf(server);
  const times = await Promise.all(
    Array.from({ length: 40 }, async () => (await call(client, "Alice")).ms),
  );
  client.close();
  assert.ok(Math.min(...times) >= 45, `${times}`);
  // Uniform: that all of 40 are in one half of the range happens once in 2 ** 39 runs.
  assert.ok(Math.max(...times) - Math.min(...times) > 60, `${times}`);
}, ["--delay", "50ms-250ms"]);

Deno.test("delays, ranges of them, and shares of failures", () => {
  assert.deepEqual(parseDelay("1.5s", MAX_DELAY_MS), { minMs: 1500, maxMs: 1500 });
  assert.deepEqual(parseDelay("50ms-1s", MAX_DELAY_MS), { minMs: 50, maxMs: 1000 });
  for (const text of ["", "5", "2s-1s", "1ms-2ms-3ms", "-1ms", "61s", "1ms-61s", "1 s"]) {
    assert.equal(parseDelay(text, MAX_DELAY_MS), undefined, text);
  }
  for (const text of ["0", "0s", "0-0ms"]) {
    assert.deepEqual(parseDelay(text, MAX_DELAY_MS), { minMs: 0, maxMs: 0 });
  }
  const failures = (text: string) => FAILURES.parse(text)?.map(({ code, rate }) => [code, rate]);
  assert.deepEqual(failures("UNAVAILABLE:0.1,INTERNAL:.05"), [
    ["UNAVAILABLE", 0.1],
    ["INTERNAL", 0.05],
  ]);
  assert.deepEqual(failures("unavailable:10%, Internal:0"), [["UNAVAILABLE", 0.1], [
    "INTERNAL",
    0,
  ]]);
  assert.equal(failures(Array(10).fill("ABORTED:0.1").join(","))?.length, 10);
  const codes = /; the codes are CANCELLED, UNKNOWN, .*, UNAUTHENTICATED$/;
  const faults: [text: string, fault: RegExp][] = [
    ["FOO:0.1", /^"FOO" is no status code/],
    ["FOO", codes],
    ["OK", /^"OK" is no failure/],
    ["OK", codes],
    ["ABORTED,", /^"" is no status code/],
    [
      "ABORTED:0.1,INTERNAL:2",
      /^the share in "INTERNAL:2" is not a number from 0 to 1, or from 0% /,
    ],
    ["ABORTED:101%", /^the share in "ABORTED:101%" /],
    ["ABORTED:-1", /^the share in "ABORTED:-1" /],
    ["ABORTED,INTERNAL", /^several status codes need their shares, /],
    ["ABORTED:0.6,INTERNAL:50%", /^the shares are 1\.1 together, which is more than 1$/],
  ];
  for (const [text, fault] of faults) {
    assert.equal(FAILURES.parse(text), undefined, text);
    assert.match(FAILURES.fault!(text)!, fault);
  }
});

const INITIAL = "x-grpc-test-echo-initial";
const TRAILING = "x-grpc-test-echo-trailing-bin";

/** Calls with metadata that is to come back; what is printed of the answer. */
async function echoed({ port }: Serve, ...headers: readonly string[]) {
  const sent = [`${INITIAL}: one`, `${TRAILING}: q6ur`, ...headers].flatMap((one) => ["-H", one]);
  const { stdout } = await usersvc(["call", "A", "--port", `${port}`, "--json", "-v", ...sent]);
  const { error, metadata, trailers } = JSON.parse(stdout);
  const [initial, trailing] = [metadata, trailers].map((all: Record<string, unknown> = {}) =>
    Object.entries(all).filter(([name]) => /echo|hostname/.test(name)).toSorted()
  );
  return { code: error?.code, initial, trailing };
}

serveTest(
  "a call gets back what it sends for that, whatever else is done to it",
  async (server) => {
    const trailing = [TRAILING, ["q6ur"]];
    const initial = [["hostname", ["blue"]], [INITIAL, ["one"]]];
    assert.deepEqual(await echoed(server), { code: undefined, initial, trailing: [trailing] });
    const { initial: several } = await echoed(server, `${INITIAL}: two, three`);
    assert.deepEqual(several, [["hostname", ["blue"]], [INITIAL, ["one", "two, three"]]]);
    const late = await echoed(server, "x-envoy-fault-delay-request: 10");
    assert.deepEqual(late, { code: undefined, initial, trailing: [trailing] });
    const failed = await echoed(server, "rpc-behavior: error-code-5");
    const all = [...initial, trailing];
    assert.deepEqual(failed, { code: "NOT_FOUND", initial: [], trailing: all });
    await server.stdout.until(/"NOT_FOUND"[^\n]*\n/);
    const sources = callRecords(server.stdout.text).map(({ fault }) =>
      (fault as { source: string } | undefined)?.source
    );
    assert.deepEqual(sources, [undefined, undefined, "metadata", "metadata"]);
  },
  ["--faults-by-metadata", "--instance", "blue", "--log", "json"],
);

serveTest("what a call gets back leaves it the faults of all calls", async (server) => {
  const { code, trailing } = await echoed(server);
  assert.equal(code, "NOT_FOUND");
  assert.deepEqual(trailing, [[INITIAL, ["one"]], [TRAILING, ["q6ur"]]]);
}, ["--faults-by-metadata", "--fail", "NOT_FOUND"]);

serveTest("without faults by metadata nothing is sent back", async (server) => {
  assert.deepEqual(await echoed(server), { code: undefined, initial: [], trailing: [] });
});
