/** What `usersvc schema` prints describes what is really read. */
import { Ajv2020 } from "ajv/dist/2020.js";
import assert from "node:assert/strict";
import { ask, GET_USER } from "../support/http_client.ts";
import {
  posixTest,
  programTest,
  startServe,
  usersvc,
  withFolder,
  withServe,
} from "../support/program.ts";
import { finishCall, openSession, startCall } from "../support/raw_client.ts";
import { closedPort } from "../support/tcp_peer.ts";

// deno-lint-ignore no-explicit-any
type AnyJson = any;

async function validator(name: string, change = (schema: AnyJson): AnyJson => schema) {
  const { code, stdout, stderr } = await usersvc(["schema", name]);
  assert.deepEqual([code, stderr], [0, ""]);
  const schema = JSON.parse(stdout);
  assert.equal(schema.$schema, "https://json-schema.org/draft/2020-12/schema");
  return new Ajv2020({ strict: true, strictTypes: false, strictRequired: false }).compile(
    change(schema),
  );
}

const TYPE = "type.googleapis.com/google.rpc.";
const failing = (more: object) => ({ A: { code: "INTERNAL", ...more } });
const detailed = (...details: unknown[]) => failing({ details });

/** Files of answers that are right. */
const right: readonly unknown[] = [
  {},
  { $schema: "answers.schema.json", Bob: {} },
  { "*": { message: "Hello", code: "OK" }, "flaky-*": [{}, { delay: "50ms-200ms" }], "": {} },
  failing({ reason: "no", pushback: -1, delay: "0" }),
  failing({
    pushback: 250,
    metadata: { "x-a": "1", "x-bin": "AQ" },
    trailers: { "y-bin": "AQ==" },
  }),
  failing({ details: { violations: [{ field: "a", description: "b" }] } }),
  detailed(
    { "@type": `${TYPE}RetryInfo`, retryDelay: "1.5s" },
    { "@type": `${TYPE}ErrorInfo`, reason: "A", metadata: { constructor: "b" } },
    { "@type": `${TYPE}QuotaFailure`, violations: [{ quotaValue: 5, futureQuotaValue: "7" }] },
    { "@type": `${TYPE}BadRequest`, fieldViolations: [{ localizedMessage: { locale: "ru" } }] },
    { "@type": "type.googleapis.com/a.b.C", value: "" },
  ),
  { A: [{ when: { metadata: { "user-agent": "x" } }, message: "a" }, { code: "UNAUTHENTICATED" }] },
  { A: { when: { metadata: { "k-bin": "/w" } } } },
  ...["60s", "1m", "1.0m", "0.5m", "00.5m", "60000ms", "0060.0s", "59.9s", "0.01h", "0ms-1m", "00s"]
    .map((delay) => ({ A: { delay } })),
  { A: [{ wire: "rst_during_data", delay: "5ms" }, {}] },
  { ["😀".repeat(256)]: {}, [`${"b".repeat(255)}*`]: {} },
];

/** Files of answers that are wrong, as JSON Schema can say it too. */
const wrong: readonly unknown[] = [
  5,
  [],
  { $schema: 5 },
  { "a*b*": {} },
  { ["b".repeat(257)]: {} },
  { A: 5 },
  { A: [] },
  { A: [5] },
  { A: { mesage: "a" } },
  { A: { message: 5 } },
  { A: { code: "NOT_FUND" } },
  { A: { code: "INTERNAL", message: "a" } },
  { A: { reason: "a" } },
  { A: { wire: "goaway", message: "a" } },
  { A: { wire: "goaway", code: "NOT_FOUND" } },
  { A: { wire: "Go away" } },
  { A: { code: "OK", pushback: 5 } },
  { A: { details: [] } },
  { A: { delay: "5" } },
  { A: { delay: "5ms-" } },
  ...["2m", "61s", "60.5s", "60001ms", "1.5m", "1h", "1s-61s"].map((delay) => ({ A: { delay } })),
  { A: { metadata: { B: "a" } } },
  { A: { metadata: { "grpc-status": "0" } } },
  { A: { metadata: { "content-type": "a" } } },
  { A: { metadata: { te: "a" } } },
  { A: { metadata: { a: "é" } } },
  { A: { metadata: { a: 5 } } },
  { A: { trailers: { "a-bin": "?" } } },
  { A: { trailers: { "a-bin": "A" } } },
  { A: { when: {} } },
  { A: { when: { metadata: {} } } },
  { A: { when: { metadata: { a: "b" }, username: "c" } } },
  failing({ pushback: -2 }),
  failing({ pushback: 0.5 }),
  failing({ pushback: "250" }),
  failing({ details: 5 }),
  failing({ details: { violations: [{ field: "a" }] } }),
  detailed({}),
  detailed(5),
  detailed({ "@type": "google.rpc.RetryInfo", retryDelay: "1s" }),
  detailed({ "@type": `${TYPE}RetryInfo`, retry_delay: "1s" }),
  detailed({ "@type": `${TYPE}RetryInfo`, retryDelay: 1 }),
  detailed({ "@type": `${TYPE}RetryInfo`, retryDelay: "1 s" }),
  detailed({ "@type": `${TYPE}RetryInfo`, value: "AQ" }),
  detailed({ "@type": `${TYPE}QuotaFailure`, violations: [{ quotaValue: 1.5 }] }),
  detailed({ "@type": "type.googleapis.com/a.b.C" }),
];

/** Files of answers of which JSON Schema cannot say what is wrong. */
const wrongBeyond: readonly unknown[] = [
  { A: { delay: "0.5h" } },
  { A: { wire: "no-such-case" } },
  { A: { delay: "2s-1s" } },
  { A: { message: "\ud800" } },
  { A: [{}, { when: { metadata: { a: "b" } } }] },
  detailed({ "@type": `${TYPE}RetryInfo`, retryDelay: "999999999999s" }),
];

programTest(
  "schema answers accepts what the reader of a file accepts, and refuses the rest",
  async () => {
    const accepts = await validator("answers");
    const { Answer } = (accepts.schema as AnyJson).$defs;
    for (const [key, { description }] of Object.entries<AnyJson>(Answer.properties)) {
      assert.match(description, /^[A-Z]/, key);
    }
    // Loaded by this test alone, since a bare `deno test` may read nothing.
    const { readAnswers } = await import("../../src/server/faults/answers.ts");
    await withFolder(async (folder) => {
      const path = `${folder}/answers.json`;
      const reads = async (file: unknown) => {
        await Deno.writeTextFile(path, JSON.stringify(file));
        return await readAnswers({ path, workers: false }, Math.random).then(
          () => true,
          () => false,
        );
      };
      const verdicts = async (files: readonly unknown[]) => {
        const found = [];
        for (const file of files) {
          found.push([JSON.stringify(file), accepts(file), await reads(file)]);
        }
        return found;
      };
      const expected = (files: readonly unknown[], schema: boolean, reader: boolean) =>
        files.map((file) => [JSON.stringify(file), schema, reader]);
      assert.deepEqual(await verdicts(right), expected(right, true, true));
      assert.deepEqual(await verdicts(wrong), expected(wrong, false, false));
      assert.deepEqual(await verdicts(wrongBeyond), expected(wrongBeyond, true, false));
      // The reader takes small letters; an editor offers the capital ones.
      const small = [{ A: { code: "internal" } }];
      assert.deepEqual(await verdicts(small), expected(small, false, true));
    });
  },
);

programTest("what has no schema is named, with what has one", async () => {
  const { code, stdout, stderr } = await usersvc(["schema", "constructor"]);
  assert.deepEqual([code, stdout], [2, ""]);
  assert.match(
    stderr,
    /^usersvc schema: NAME expects one of answers[^"]*, not "constructor"; see /,
  );
});

/** A schema that allows nothing that it does not name, where it names anything. */
function closed(schema: AnyJson): AnyJson {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== "object" || schema === null) return schema;
  const parts = Object.fromEntries(
    Object.entries(schema).map(([key, part]) => [key, closed(part)]),
  );
  const isOpen = "properties" in schema && !("additionalProperties" in schema);
  return isOpen ? { ...parts, additionalProperties: false } : parts;
}

/** Checks that a schema describes all of what was printed, and misses each part that has to be there. */
async function assertDescribed(name: string, printed: readonly AnyJson[]): Promise<void> {
  const accepts = await validator(name, closed);
  for (const one of printed) {
    const wrong = accepts(one) ? [] : accepts.errors;
    assert.deepEqual(wrong, [], JSON.stringify(one));
    assert.ok(!accepts({ ...one, event: one.event && "call", another: {} }), "it allows anything");
  }
  const { required, oneOf = [] } = (await validator(name)).schema as AnyJson;
  for (const key of required ?? oneOf[0].required) {
    const [first] = printed.filter(({ event }) => event === undefined || event === "call");
    const { [key]: _, ...rest } = first;
    assert.ok(!accepts(rest), `${name}: ${key}`);
  }
}

const jsonLines = (text: string): AnyJson[] =>
  text.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));

const DETAILED = JSON.stringify({
  Busy: {
    code: "RESOURCE_EXHAUSTED",
    details: [{ "@type": `${TYPE}RetryInfo`, retryDelay: "1s" }],
  },
  Late: { delay: "1ms", metadata: { "x-bin": "AQ" } },
});

programTest(
  "schema call and summary describe what call prints",
  () =>
    withFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/answers.json`, DETAILED);
      const printed: Record<"stdout" | "stderr", AnyJson[]> = { stdout: [], stderr: [] };
      await withServe(async ({ port }) => {
        const calls = [
          ["--json", "--summary", "json"],
          ["--json", "--summary", "json", "-v", "--rate", "1000"],
          ["--json", "--summary", "json", "-v", "--port", `${await closedPort()}`],
        ];
        for (const flags of calls) {
          const names = ["Alice", "Late", "Busy", ""];
          const result = await usersvc(["call", ...names, "--port", `${port}`, ...flags]);
          for (const stream of ["stdout", "stderr"] as const) {
            printed[stream].push(...jsonLines(result[stream]));
          }
        }
        const one = await usersvc([
          "call",
          "A",
          "--port",
          `${port}`,
          "--rate",
          "9",
          "--summary",
          "json",
        ]);
        printed.stderr.push(...jsonLines(one.stderr));
      }, ["--answers", `${folder}/answers.json`, "--instance", "blue"]);
      assert.deepEqual([printed.stdout.length, printed.stderr.length], [12, 4]);
      await assertDescribed("call", printed.stdout);
      await assertDescribed("summary", printed.stderr);
    }),
);

posixTest("schema log describes what serve logs and records", async () => {
  const asked = ["--faults-by-metadata", "--log-metadata", "user-agent"];
  const runs = [["--record", "10", "--seed", "1", ...asked], ["--workers", "1", ...asked]];
  for (const flags of runs) {
    const server = await startServe(["--log", "json", ...flags]);
    const session = await openSession(server.port);
    const call = (headers: Record<string, string>) => finishCall(startCall(session, headers), "A");
    await call({ "rpc-behavior": "sleep-0.001,error-code-5", "user-agent": "test" });
    await call({ "rpc-behavior": "keep-open", "grpc-timeout": "50m" });
    await call({ "rpc-behavior": "wire-no-trailers" });
    session.close();
    await ask({ port: server.port, version: 1 }, {
      method: "POST",
      path: GET_USER,
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    const { body } = await ask({ port: server.port, version: 1 }, { path: "/calls" });
    server.kill("SIGTERM");
    const logged = jsonLines((await server.ended()).stdout);
    const kept = jsonLines(String(body));
    assert.equal(kept.length, flags.includes("--record") ? 4 : 0);
    assert.equal(logged.filter(({ event }) => event === "call").length, 4);
    await assertDescribed("log", [...kept, ...logged]);
  }
});
