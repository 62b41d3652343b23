/** What a file of answers can hold: details, metadata, trailers, rules and patterns. */
import assert from "node:assert/strict";
import type { IncomingCall } from "../../src/server/call/incoming_call.ts";
import { ask, framed, GET_USER, message, type Reach, unframed } from "../support/http_client.ts";
import { posixTest, programTest, usersvc, withFolder, withServe } from "../support/program.ts";

const TYPE = "type.googleapis.com/google.rpc.";

/** A detail of each type of google.rpc's error_details.proto, as `call --json` shows it too. */
const DETAILS = [
  {
    ...{ "@type": `${TYPE}ErrorInfo`, reason: "OVER", domain: "usersvc.test" },
    metadata: { constructor: "b" },
  },
  { "@type": `${TYPE}RetryInfo`, retryDelay: "1.500s" },
  { "@type": `${TYPE}DebugInfo`, stackEntries: ["a", "b"], detail: "c" },
  {
    "@type": `${TYPE}QuotaFailure`,
    violations: [{
      ...{ subject: "me", description: "no more", apiService: "a", quotaMetric: "b", quotaId: "c" },
      ...{ quotaDimensions: { d: "e" }, quotaValue: "9007199254740993", futureQuotaValue: "0" },
    }],
  },
  {
    "@type": `${TYPE}PreconditionFailure`,
    violations: [{ type: "TOS", subject: "me", description: "not accepted" }],
  },
  { "@type": `${TYPE}RequestInfo`, requestId: "7", servingData: "x" },
  {
    "@type": `${TYPE}ResourceInfo`,
    ...{ resourceType: "user", resourceName: "Bob", owner: "me", description: "gone" },
  },
  { "@type": `${TYPE}Help`, links: [{ description: "here", url: "https://a.test" }] },
  { "@type": `${TYPE}LocalizedMessage`, locale: "ru", message: "Нет" },
  { "@type": `${TYPE}BadRequest`, fieldViolations: [{ field: "username", description: "no" }] },
  {
    "@type": `${TYPE}BadRequest`,
    fieldViolations: [{
      ...{ field: "a", description: "b", reason: "C" },
      localizedMessage: { locale: "ru", message: "Нет" },
    }],
  },
  { "@type": "type.googleapis.com/a.b.C", value: "AQID" },
];

const FILE = {
  "$schema": "answers.schema.json",
  "Over": {
    ...{ code: "RESOURCE_EXHAUSTED", reason: "enough", pushback: 250, details: DETAILS },
    metadata: { "x-tenant": "7", "x-key-bin": "AAEC" },
    trailers: { "x-cost": "3", "x-more-bin": "/w" },
  },
  "Fine": { metadata: { "x-key-bin": "AAEC" }, trailers: { "x-cost": "3", "x-more-bin": "/w==" } },
  "Never": { code: "UNAVAILABLE", pushback: -1 },
  "Guarded": [
    { when: { metadata: { authorization: "Bearer t", "x-key-bin": "/w" } } },
    { when: { metadata: { "x-list": "a, b" } }, message: "Hello" },
    { code: "UNAUTHENTICATED", reason: "no token" },
  ],
};

function withAnswers(file: unknown, use: (path: string) => Promise<void>): Promise<void> {
  return withFolder(async (folder) => {
    const path = `${folder}/answers.json`;
    await Deno.writeTextFile(path, JSON.stringify(file));
    await use(path);
  });
}

/** What `call --json -v` shows of a call. */
interface Shown {
  readonly message?: string;
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly details?: unknown;
  };
  readonly metadata: Readonly<Record<string, string[]>>;
  readonly trailers: Readonly<Record<string, string[]>>;
}

async function called(port: number, args: readonly string[]): Promise<Shown> {
  const { stdout } = await usersvc(["call", "--port", `${port}`, "--json", "-v", ...args]);
  return JSON.parse(stdout);
}

/** Without what every answer of grpc-js carries. */
function own(fields: Shown["metadata"]): object {
  const { "content-type": _, "grpc-status-details-bin": __, date: ___, ...others } = fields;
  return others;
}

posixTest(
  "an answer has details of any type, metadata and trailers of texts and bytes, by gRPC",
  () =>
    withAnswers(FILE, (path) =>
      withServe(async ({ port }) => {
        const over = await called(port, ["Over"]);
        assert.equal(over.error?.code, "RESOURCE_EXHAUSTED");
        assert.deepEqual(over.error?.details, DETAILS);
        assert.deepEqual(own(over.metadata), {});
        assert.deepEqual(own(over.trailers), {
          ...{ "x-tenant": ["7"], "x-key-bin": ["AAEC"], "x-cost": ["3"], "x-more-bin": ["/w=="] },
          "grpc-retry-pushback-ms": ["250"],
        });
        const fine = await called(port, ["Fine"]);
        assert.equal(fine.message, "Привет, Fine!");
        assert.deepEqual(own(fine.metadata), { "x-key-bin": ["AAEC"] });
        assert.deepEqual(own(fine.trailers), { "x-cost": ["3"], "x-more-bin": ["/w=="] });
        const { trailers } = await called(port, ["Never"]);
        assert.deepEqual(own(trailers), { "grpc-retry-pushback-ms": ["-1"] });
      }, ["--answers", path])),
);

function pick(from: Readonly<Record<string, string | undefined>>, names: RegExp): object {
  return Object.fromEntries(Object.entries(from).filter(([name]) => names.test(name)));
}

posixTest(
  "the same by Connect and gRPC-Web, each in its own form",
  () =>
    withAnswers(FILE, (path) =>
      withServe(async ({ port }) => {
        for (const version of [1, 2] as const) {
          const reach: Reach = { port, version };
          const post = (type: string, body: string | Uint8Array) =>
            ask(reach, {
              ...{ method: "POST", path: GET_USER, body },
              headers: { "content-type": type },
            });
          const over = await post("application/json", '{"username":"Over"}');
          assert.equal(over.status, 429);
          assert.deepEqual(pick(over.headers, /^(trailer-|x-)/), {
            ...{ "x-tenant": "7", "x-key-bin": "AAEC" },
            ...{ "trailer-x-cost": "3", "trailer-x-more-bin": "/w" },
            "trailer-grpc-retry-pushback-ms": "250",
          });
          const { details } = JSON.parse(String(over.body));
          assert.deepEqual(details[1], {
            ...{ type: "google.rpc.RetryInfo", value: "CggIARCAyrXuAQ" },
            debug: { retryDelay: "1.500s" },
          });
          assert.deepEqual(details.at(-1), { type: "a.b.C", value: "AQID" });
          const fine = await post("application/json", '{"username":"Fine"}');
          assert.equal(fine.status, 200);
          assert.deepEqual(pick(fine.headers, /^(trailer-|x-)/), {
            ...{ "x-key-bin": "AAEC", "trailer-x-cost": "3", "trailer-x-more-bin": "/w==" },
          });
          const web = await post("application/grpc-web+proto", framed(message("Over")));
          const { trailers } = unframed(web.body);
          for (const line of ["grpc-status: 8", "grpc-retry-pushback-ms: 250", "x-cost: 3"]) {
            assert.ok(trailers.includes(`${line}\r\n`), trailers);
          }
          const fineByWeb = await post("application/grpc-web+proto", framed(message("Fine")));
          assert.deepEqual(pick(fineByWeb.headers, /^x-/), { "x-key-bin": "AAEC" });
          assert.match(unframed(fineByWeb.body).trailers, /^x-cost: 3\r$/m);
        }
      }, ["--answers", path])),
);

posixTest("a client that retries does as pushback says", () => {
  const file = {
    "Stop": [{ code: "UNAVAILABLE", pushback: -1 }, {}],
    "Wait": [{ code: "UNAVAILABLE", pushback: 300 }, {}],
  };
  return withAnswers(file, (path) =>
    withServe(async ({ port }) => {
      const stop = await called(port, ["Stop", "--retries", "2"]);
      assert.equal(stop.error?.code, "UNAVAILABLE");
      const start = performance.now();
      const wait = await called(port, ["Wait", "--retries", "2"]);
      assert.equal(wait.message, "Привет, Wait!");
      assert.ok(performance.now() - start >= 290);
    }, ["--answers", path]));
});

posixTest(
  "a rule answers the calls that have its metadata, with workers too",
  () =>
    withAnswers(FILE, async (path) => {
      await withServe(async ({ port }) => {
        const token = ["-H", "authorization: Bearer t", "-H", "x-key-bin: /w=="];
        const cases: [string[], string][] = [
          [token, "Привет, Guarded!"],
          [[...token, "-H", "x-list: a, b"], "Привет, Guarded!"],
          [["-H", "x-list: a, b"], "Hello"],
          [["-H", "x-list: c", "-H", "x-list: a, b"], "Hello"],
          [["-H", "x-list: a", "-H", "x-list: b"], "UNAUTHENTICATED"],
          [["-H", "x-list: a, b, c"], "UNAUTHENTICATED"],
          [["-H", "authorization: Bearer t"], "UNAUTHENTICATED"],
          [["-H", "authorization: Bearer T", "-H", "x-key-bin: /w=="], "UNAUTHENTICATED"],
          [[], "UNAUTHENTICATED"],
        ];
        for (const [headers, expected] of cases) {
          const { message, error } = await called(port, ["Guarded", ...headers]);
          assert.equal(message ?? error?.code, expected, headers.join(" "));
        }
        const byConnect = await ask({ port, version: 1 }, {
          ...{ method: "POST", path: GET_USER, body: '{"username":"Guarded"}' },
          headers: { "content-type": "application/json", "x-list": "a, b" },
        });
        assert.deepEqual(JSON.parse(String(byConnect.body)), { message: "Hello" });
      }, ["--answers", path, "--workers", "1"]);
    }),
);

programTest("the entry of a name decides, or else the longest pattern, or else *", () => {
  const when = { metadata: { a: "1" } };
  const file = {
    "*": { message: "any" },
    "flaky-*": [{ message: "first" }, { message: "later" }],
    "*-7": { message: "seven" },
    "flaky-*-7": { when, message: "rule" },
    "a*": { message: "before" },
    "*a": { message: "behind" },
    "flaky-9": { when, message: "own" },
  };
  return withAnswers(file, async (path) => {
    // Loaded by this test alone, since a bare `deno test` may read nothing.
    const { readAnswers } = await import("../../src/server/faults/answers.ts");
    const plan = await readAnswers({ path, workers: false }, Math.random);
    const said = (username: string, a = "") =>
      plan({ username, metadata: () => [a] } as unknown as IncomingCall)?.answer?.message;
    const expected: [string | undefined, string][] = [
      [said("Bob"), "any"],
      [said("flaky-"), "first"],
      [said("flaky-"), "later"],
      [said("flaky-1"), "first"],
      [said("flaky-1"), "later"],
      [said("x-7"), "seven"],
      // The end of one part is not the beginning of the other.
      [said("flaky-7", "1"), "first"],
      [said("flaky-x-7", "1"), "rule"],
      [said("flaky-x-7"), "first"],
      [said("flaky-9", "1"), "own"],
      [said("flaky-9"), "first"],
      // Of two that are as long the first of the file.
      [said("aba"), "before"],
    ];
    for (const [text, one] of expected) assert.equal(text, one);
  });
});

posixTest("patterns and * greet no name that is refused, and apply to it otherwise", () => {
  const fails = { code: "NOT_FOUND", reason: "no" };
  const file = {
    "*": { message: "star", delay: "1ms", metadata: { "x-tenant": "7" } },
    " *": { message: "blank" },
    "A*Z": fails,
    "\t": { message: "own" },
    "  *": fails,
  };
  const z = (length: number) => `A${"b".repeat(length - 2)}Z`;
  const expected: [name: string, code: string, text: string][] = [
    ["Bob", "OK", "star"],
    ["", "INVALID_ARGUMENT", "username is empty"],
    [" ", "INVALID_ARGUMENT", "username is blank"],
    ["   ", "NOT_FOUND", "no"],
    ["\t", "OK", "own"],
    [z(256), "NOT_FOUND", "no"],
    ...[257, 302, 1_023, 1_024, 1_025, 1_502].map((length) =>
      [z(length), "INVALID_ARGUMENT", "username is longer than 256 characters"] as [
        string,
        string,
        string,
      ]
    ),
  ];
  return withAnswers(file, (path) =>
    withServe(async ({ port }) => {
      for (const [name, code, text] of expected) {
        const { message, error, trailers } = await called(port, [name]);
        const said = error ?? { code: "OK", message };
        assert.deepEqual([said.code, said.message], [code, text], `${name.length}`);
        if (code === "INVALID_ARGUMENT" && name !== " ") {
          assert.deepEqual(own(trailers), { "x-tenant": ["7"] });
        }
      }
    }, ["--answers", path]));
});

programTest(
  "* fails names of any length",
  () =>
    withAnswers({ "*": [{ code: "UNAVAILABLE", reason: "first" }, {}] }, async (path) => {
      const { readAnswers } = await import("../../src/server/faults/answers.ts");
      const plan = await readAnswers({ path, workers: false }, Math.random);
      for (
        const [name, code] of [["", "UNAVAILABLE"], ["b".repeat(1_500), "UNAVAILABLE"], [
          "",
          undefined,
        ]]
      ) {
        assert.equal(plan({ username: name } as IncomingCall)?.answer?.code, code);
      }
    }),
);

programTest(
  "mistakes of details, metadata, rules and patterns are named by their paths",
  async () => {
    const code = "INTERNAL";
    const detail = (fields: object) => ({ A: { code, details: [fields] } });
    const cases: [unknown, RegExp][] = [
      [{ A: { code, details: 5 } }, /: A\.details: expects a list of details$/],
      [{ A: { details: [] } }, /: A\.details: expects a code beside it that is not OK$/],
      [{ A: { pushback: 1 } }, /: A\.pushback: expects a code beside it that is not OK$/],
      [
        { A: { code, pushback: -2 } },
        /: A\.pushback: expects milliseconds up to 2147483647, or -1 /,
      ],
      [
        detail({ "@type": `${TYPE}Help`, value: "" }),
        /details\[0\]\.value: expects none but the keys /,
      ],
      [
        detail({ "@type": "a.b.C", value: "" }),
        /details\[0\]\["@type"\]: expects the type of a mess/,
      ],
      [
        detail({ "@type": `${TYPE}X`, value: "A" }),
        /details\[0\]\.value: expects bytes in base64$/,
      ],
      [
        detail({ "@type": `${TYPE}RetryInfo`, retryDelay: "1 s" }),
        /details\[0\]\.retryDelay: expects a duration in seconds, such as "1\.5s"$/,
      ],
      [
        detail({ "@type": `${TYPE}RetryInfo`, retryDelay: "999999999999s" }),
        /details\[0\]: expects values within their ranges: [^;\n]+$/,
      ],
      [
        detail({ "@type": `${TYPE}QuotaFailure`, violations: [{ quotaValue: "1.5" }] }),
        /details\[0\]\.violations\[0\]\.quotaValue: expects a whole number, in quotes or not$/,
      ],
      [
        detail({ "@type": `${TYPE}ErrorInfo`, metadata: { a: 1 } }),
        /details\[0\]\.metadata\.a: expects a text in quotes$/,
      ],
      [{ A: { trailers: { "x-bin": "?" } } }, /: A\.trailers\.x-bin: expects bytes in base64$/],
      [
        { A: { trailers: { "grpc-status": "0" } } },
        /: A\.trailers\.grpc-status: expects a name in lo/,
      ],
      [{ A: { when: {} } }, /: A\.when\.metadata: expects to be there$/],
      [{ A: { when: { metadata: {} } } }, /: A\.when\.metadata: expects at least one name$/],
      [
        { A: { when: { metadata: { B: "" } } } },
        /: A\.when\.metadata\.B: expects a name in lower case/,
      ],
      [
        { A: [{}, { when: { metadata: { a: "" } } }, {}] },
        /: A\[0\]: expects "when", since others of the list have it: only the last may be without$/,
      ],
      [
        { "a*b*": {} },
        /: a\*b\*: expects a username, or a pattern with one "\*", of at most 256 characters$/,
      ],
      [{ ["b".repeat(257)]: {} }, /: b+: expects a username, [^;]+ of at most 256 characters$/],
      [
        { $schema: 5 },
        /: \["\$schema"\]: expects a text in quotes, where the schema of the file is$/,
      ],
    ];
    for (const [file, message] of cases) {
      await withAnswers(file, async (path) => {
        const { readAnswers } = await import("../../src/server/faults/answers.ts");
        await assert.rejects(readAnswers({ path, workers: false }, Math.random), { message });
      });
    }
  },
);
