/** Calls and checks whose answers are odd, over a connection that is not. */
import assert from "node:assert/strict";
import { answerCases } from "../../src/gauntlet/answer_cases.ts";
import type { Case } from "../../src/gauntlet/case.ts";
import { HEALTH } from "../support/http2_server.ts";
import { usersvc } from "../support/program.ts";
import { address, batch, differences, run, TIMEOUT_MS } from "./run.ts";
import { ourCode } from "./ours.ts";
import { caseOf, exitCodeOf, oddTest } from "./table.ts";

const names = answerCases.map(({ name }) => name);
const codeOf = (name: string) => ourCode(caseOf(answerCases, name));

/** One of each kind, for what starts a process for each. */
const SAMPLE = [
  ...["answer", "status-not-found", "status-unauthenticated-alone", "status-66", "status-151"],
  ...["status-not-a-number", "message-in-utf-8", "message-not-percent-encoded"],
  ...["compressed-without-encoding", "compressed-with-br", "compressed-with-gzip"],
  ...["two-messages-without-end", "no-message", "message-cut-at-byte-6", "page-200", "page-401"],
  ...["page-503", "rst-refused-stream", "rst-cancel", "no-trailers", "nothing"],
];

const isLate = (one: Case) =>
  ourCode(one) === "DEADLINE_EXCEEDED" && !one.name.startsWith("status");
const server = (port: number, one: Case) => isLate(one) ? address(port, TIMEOUT_MS) : address(port);

oddTest(
  "each odd answer ends its call as gRPC says, and no other call of the batch",
  answerCases,
  async ({ port, calls }) => {
    const outcomes = await batch("odd answers", port, names);
    assert.deepEqual(differences(answerCases, outcomes), []);
    // What the server library has refused is tried once more.
    const again = names.filter((name) => calls.get(name) !== 1);
    assert.deepEqual(again, ["rst-refused-stream", "refused-once"]);
  },
);

oddTest(
  "with --retries 2, odd answers that mean UNAVAILABLE are asked for three times",
  answerCases,
  async ({ port, calls }) => {
    const what = "odd answers with --retries 2";
    const outcomes = await batch(what, port, names, ["--retries", "2"]);
    assert.deepEqual(differences(answerCases, outcomes), []);
    const retried = names.filter((name) => calls.get(name)! > 1);
    // Once headers of gRPC have come, the call is under way and may not be repeated.
    const isUnavailable = (name: string) => codeOf(name) === "UNAVAILABLE";
    const isBegun = (name: string) =>
      /^(status-unavailable|rst-refused-stream)-after-|^status-unavailable$/.test(name);
    const expected = names.filter((name) => isUnavailable(name) && !isBegun(name));
    assert.deepEqual(retried, [...expected, "refused-once"]);
    assert.ok(retried.includes("page-503"));
    for (const name of expected) {
      assert.equal(calls.get(name), name === "rst-refused-stream" ? 4 : 3, name);
    }
    assert.equal(calls.get("refused-once"), 2);
  },
);

oddTest(
  "each odd answer is a line of text: a message or a failure",
  answerCases,
  async ({ port }) => {
    const { code, stdout, stderr } = await run(
      "odd answers as text",
      ["call", "-", ...address(port)],
      names.map((name) => `${name}\n`).join(""),
    );
    const failed = names.filter((name) => codeOf(name) !== "OK");
    assert.equal(code, exitCodeOf(codeOf(failed[0]!)));
    assert.equal(stdout, "hello\n".repeat(names.length - failed.length));
    const lines = stderr.trimEnd().split("\n");
    assert.equal(lines.length, failed.length);
    failed.forEach((name, at) => {
      const start = `usersvc call: "${name}": ${codeOf(name)} from 127.0.0.1:${port}: `;
      assert.ok(lines[at]!.startsWith(start), `${lines[at]}, not ${start}`);
    });
  },
);

oddTest("a check of health exits with 3 for an odd answer", answerCases, async ({ port }) => {
  for (const name of SAMPLE) {
    const row = caseOf(answerCases, name);
    const wanted = ourCode(row);
    const args = ["check", "--service", HEALTH + name, ...server(port, row)];
    const { code, stdout, stderr } = await run(`check of ${name}`, args);
    if (wanted === "OK") {
      assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "SERVING\n", stderr: "" });
    } else {
      assert.equal(code, 3, `${name}: ${stderr}`);
      assert.match(stderr, new RegExp(`^usersvc check: ${wanted} from [^\n]+\n$`), name);
    }
  }
});

oddTest("a call that gets no answer ends at its deadline", answerCases, async ({ port }) => {
  for (const { name } of answerCases.filter(isLate)) {
    const args = ["call", name, "--verbose", ...address(port, TIMEOUT_MS)];
    const { code, stderr } = await usersvc(args);
    assert.equal(code, 68);
    const ms = Number(/^< DEADLINE_EXCEEDED after ([\d.]+) ms$/m.exec(stderr)?.[1]);
    // Not before, and no later than a slow machine makes it.
    assert.ok(ms >= TIMEOUT_MS - 1 && ms <= 2 * TIMEOUT_MS, `ended after ${ms} ms`);
  }
});

oddTest(
  "what grpc-js logs of an odd header is told when it is asked for, in plain words",
  answerCases,
  async ({ port }) => {
    const args = ["call", "header-with-control-character", ...address(port)];
    const quiet = await usersvc(args);
    assert.deepEqual(quiet, { code: 0, stdout: "hello\n", stderr: "" });
    const asked = await usersvc(args, { env: { GRPC_VERBOSITY: "ERROR" } });
    assert.match(
      asked.stderr,
      /^grpc-js: values of the metadata "x-text" are dropped: gRPC allows [^\n]* in values\n$/,
    );
    const verbose = await usersvc([...args, "--verbose"]);
    assert.match(verbose.stderr, /^\* grpc-js: values of the metadata "x-text" are dropped: /m);
  },
);
