/** What `usersvc schema` prints describes what is really read. */
import { Ajv2020 } from "ajv/dist/2020.js";
import assert from "node:assert/strict";
import { programTest, usersvc, withFolder } from "../support/program.ts";

// deno-lint-ignore no-explicit-any
type AnyJson = any;

async function validator(name: string) {
  const { code, stdout, stderr } = await usersvc(["schema", name]);
  assert.deepEqual([code, stderr], [0, ""]);
  const schema = JSON.parse(stdout);
  assert.equal(schema.$schema, "https://json-schema.org/draft/2020-12/schema");
  return new Ajv2020({ strict: true, strictTypes: false, strictRequired: false }).compile(schema);
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
];

/** Files of answers that are wrong, as JSON Schema can say it too. */
const wrong: readonly unknown[] = [
  5,
  [],
  { $schema: 5 },
  { "a*b*": {} },
  { A: 5 },
  { A: [] },
  { A: [5] },
  { A: { mesage: "a" } },
  { A: { message: 5 } },
  { A: { code: "NOT_FUND" } },
  { A: { code: "INTERNAL", message: "a" } },
  { A: { reason: "a" } },
  { A: { code: "OK", pushback: 5 } },
  { A: { details: [] } },
  { A: { delay: "5" } },
  { A: { delay: "5ms-" } },
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
  { A: { delay: "2m" } },
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
