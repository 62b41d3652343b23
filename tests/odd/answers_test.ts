/** Calls and checks whose answers are odd, over a connection that is not. */
import assert from "node:assert/strict";
import { HEALTH } from "../support/http2_server.ts";
import { usersvc } from "../support/program.ts";
import { answers } from "./answers.ts";
import { address, batch, differences, run, TIMEOUT_MS } from "./run.ts";
import { exitCodeOf, oddTest, type Row } from "./table.ts";

const names = Object.keys(answers);

/** One of each kind, for what starts a process for each. */
const SAMPLE = [
  ...["an answer", "status 5", "status 16 alone", "status 66", "status 192", "status abc"],
  ...["a message in raw UTF-8", "a message with escapes that are none"],
  ...["compressed without an encoding", "compressed with br", "compressed with gzip"],
  ...["two messages and no end", "no message at all", "a message cut at byte 6"],
  ...["page 200", "page 401", "page 503", "reset 7", "reset 8", "no trailers", "nothing"],
];

const server = (port: number, { late }: Row) => late ? address(port, TIMEOUT_MS) : address(port);

oddTest(
  "each odd answer ends its call as gRPC says, and no other call of the batch",
  answers,
  async ({ port, calls }) => {
    const outcomes = await batch("odd answers", port, names);
    assert.deepEqual(differences(answers, outcomes), []);
    // What the server library has refused is tried once more.
    const again = names.filter((name) => calls.get(name) !== 1);
    assert.deepEqual(again, ["reset 7"]);
  },
);

oddTest(
  "with --retries 2, odd answers that mean UNAVAILABLE are asked for three times",
  answers,
  async ({ port, calls }) => {
    const what = "odd answers with --retries 2";
    const outcomes = await batch(what, port, names, ["--retries", "2"]);
    assert.deepEqual(differences(answers, outcomes), []);
    const retried = names.filter((name) => calls.get(name)! > 1);
    // Once headers of gRPC have come, the call is under way and may not be repeated.
    const isUnavailable = (name: string) => answers[name]!.code === "UNAVAILABLE";
    const isBegun = (name: string) => /^(status 14|reset 7) after |^status 14$/.test(name);
    assert.deepEqual(retried, names.filter((name) => isUnavailable(name) && !isBegun(name)));
    assert.ok(retried.includes("page 503"));
    for (const name of retried) assert.equal(calls.get(name), name === "reset 7" ? 4 : 3, name);
  },
);

oddTest("each odd answer is a line of text: a message or a failure", answers, async ({ port }) => {
  const { code, stdout, stderr } = await run(
    "odd answers as text",
    ["call", "-", ...address(port)],
    names.map((name) => `${name}\n`).join(""),
  );
  const failed = names.filter((name) => answers[name]!.code !== "OK");
  assert.equal(code, exitCodeOf(answers[failed[0]!]!.code));
  assert.equal(stdout, "hello\n".repeat(names.length - failed.length));
  const lines = stderr.trimEnd().split("\n");
  assert.equal(lines.length, failed.length);
  failed.forEach((name, at) => {
    const start = `usersvc call: "${name}": ${answers[name]!.code} from 127.0.0.1:${port}: `;
    assert.ok(lines[at]!.startsWith(start), `${lines[at]}, not ${start}`);
  });
});

oddTest("a call of one name exits with the code of its odd answer", answers, async ({ port }) => {
  for (const name of SAMPLE) {
    const row = answers[name]!;
    const { code, stdout, stderr } = await run(name, ["call", name, ...server(port, row)]);
    assert.equal(code, exitCodeOf(row.code), `${name}: ${stderr}`);
    assert.equal(stdout, row.code === "OK" ? "hello\n" : "", name);
    if (row.code === "OK") continue;
    assert.match(stderr, new RegExp(`^usersvc call: ${row.code} from [^\n]+\n$`), name);
    if (typeof row.says === "string") assert.ok(stderr.includes(row.says), stderr);
  }
});

oddTest("a check of health exits with 3 for an odd answer", answers, async ({ port }) => {
  for (const name of SAMPLE) {
    const row = answers[name]!;
    const args = ["check", "--service", HEALTH + name, ...server(port, row)];
    const { code, stdout, stderr } = await run(`check of ${name}`, args);
    if (row.code === "OK") {
      assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "SERVING\n", stderr: "" });
    } else {
      assert.equal(code, 3, `${name}: ${stderr}`);
      assert.match(stderr, new RegExp(`^usersvc check: ${row.code} from [^\n]+\n$`), name);
    }
  }
});

oddTest("a call that gets no answer ends at its deadline", answers, async ({ port }) => {
  for (const name of names.filter((name) => answers[name]!.late)) {
    const args = ["call", name, "--verbose", ...address(port, TIMEOUT_MS)];
    const { code, stderr } = await usersvc(args);
    assert.equal(code, 68);
    const ms = Number(/^< DEADLINE_EXCEEDED after ([\d.]+) ms$/m.exec(stderr)?.[1]);
    // Not before, and no later than a slow machine makes it.
    assert.ok(ms >= TIMEOUT_MS - 1 && ms <= 2 * TIMEOUT_MS, `ended after ${ms} ms`);
  }
});

oddTest(
  "what grpc-js logs of an odd header is told when it is asked for, and escaped",
  answers,
  async ({ port }) => {
    const args = ["call", "a header with a control character", ...address(port)];
    const quiet = await usersvc(args);
    assert.deepEqual(quiet, { code: 0, stdout: "hello\n", stderr: "" });
    const asked = await usersvc(args, { env: { GRPC_VERBOSITY: "ERROR" } });
    assert.match(
      asked.stderr,
      /^grpc-js: Failed to add metadata entry x-text: aé\\x9b\.[^\n]*\n$/,
    );
    const verbose = await usersvc([...args, "--verbose"]);
    assert.match(verbose.stderr, /^\* grpc-js: Failed to add metadata entry x-text: /m);
  },
);
