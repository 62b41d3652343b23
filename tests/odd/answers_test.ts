/** Calls and checks whose answers are odd, over a connection that is not. */
import assert from "node:assert/strict";
import { STATUS_NAMES } from "../../src/contract/status_codes.ts";
import { linuxTest, usersvc } from "../support/program.ts";
import { answers, type Row } from "./answers.ts";
import { address, assertAtDeadline, batch, differences, run, TIMEOUT_MS } from "./run.ts";
import { type Answer, HEALTH, withOddServer } from "../support/http2_server.ts";

const names = Object.keys(answers);

/** One of each kind, for what starts a process for each. */
const SAMPLE = [
  "an answer",
  "status 5",
  "status 16 alone",
  "status 66",
  "status 192",
  "status abc",
  "a message in raw UTF-8",
  "a message with escapes that are none",
  "compressed without an encoding",
  "compressed with br",
  "compressed with gzip",
  "two messages and no end",
  "no message at all",
  "a message cut at byte 6",
  "page 200",
  "page 401",
  "page 503",
  "reset 7",
  "reset 8",
  "no trailers",
  "nothing",
];

/** The server, and how often each name has come. */
async function withAnswers(
  use: (port: number, calls: ReadonlyMap<string, number>) => Promise<void>,
): Promise<void> {
  const calls = new Map<string, number>();
  const counted = Object.entries(answers).map(([name, { answer }]): [string, Answer] => [
    name,
    (call) => {
      calls.set(name, (calls.get(name) ?? 0) + 1);
      return answer(call);
    },
  ]);
  await withOddServer(Object.fromEntries(counted), (port) => use(port, calls));
}

linuxTest(
  "each odd answer ends its call as gRPC says, and no other call of the batch",
  () =>
    withAnswers(async (port, calls) => {
      const outcomes = await batch("odd answers", port, names);
      assert.deepEqual(differences(answers, outcomes), []);
      // What the server library has refused is tried once more.
      const again = names.filter((name) => calls.get(name) !== 1);
      assert.deepEqual(again, ["reset 7"]);
    }),
);

linuxTest(
  "with --retries 2, odd answers that mean UNAVAILABLE are asked for three times",
  () =>
    withAnswers(async (port, calls) => {
      const outcomes = await batch("odd answers with --retries 2", port, names, {
        args: ["--retries", "2"],
      });
      assert.deepEqual(differences(answers, outcomes), []);
      const retried = names.filter((name) => calls.get(name)! > 1);
      // Once headers of gRPC have come, the call is under way and may not be repeated.
      const isUnavailable = (name: string) => answers[name]!.code === "UNAVAILABLE";
      const isBegun = (name: string) => /^(status 14|reset 7) after |^status 14$/.test(name);
      assert.deepEqual(retried, names.filter((name) => isUnavailable(name) && !isBegun(name)));
      assert.ok(retried.includes("page 503"));
      for (const name of retried) assert.equal(calls.get(name), name === "reset 7" ? 4 : 3, name);
    }),
);

linuxTest(
  "each odd answer is a line of text: a message or a failure",
  () =>
    withAnswers(async (port) => {
      const { code, stdout, stderr } = await run(
        "odd answers as text",
        ["call", "-", ...address(port)],
        { input: names.map((name) => `${name}\n`).join("") },
      );
      const first = names.find((name) => answers[name]!.code !== "OK")!;
      assert.equal(code, exitCode(answers[first]!));
      const good = names.filter((name) => answers[name]!.code === "OK");
      assert.equal(stdout, "hello\n".repeat(good.length));
      const failed = names.filter((name) => answers[name]!.code !== "OK");
      const lines = stderr.trimEnd().split("\n");
      assert.equal(lines.length, failed.length);
      failed.forEach((name, at) => {
        const start = `usersvc call: "${name}": ${answers[name]!.code} from 127.0.0.1:${port}: `;
        assert.ok(lines[at]!.startsWith(start), `${lines[at]}, not ${start}`);
      });
    }),
);

const server = (port: number, { late }: Row) => late ? address(port, TIMEOUT_MS) : address(port);

function exitCode({ code }: Row): number {
  return code === "OK" ? 0 : 64 + STATUS_NAMES.indexOf(code);
}

linuxTest(
  "a call of one name exits with the code of its odd answer",
  () =>
    withAnswers(async (port) => {
      for (const name of SAMPLE) {
        const row = answers[name]!;
        const { code, stdout, stderr } = await run(name, ["call", name, ...server(port, row)]);
        assert.equal(code, exitCode(row), `${name}: ${stderr}`);
        assert.equal(stdout, row.code === "OK" ? "hello\n" : "", name);
        if (row.code === "OK") continue;
        assert.match(stderr, new RegExp(`^usersvc call: ${row.code} from [^\n]+\n$`), name);
        if (typeof row.says === "string") assert.ok(stderr.includes(row.says), stderr);
      }
    }),
);

linuxTest("a check of health exits with 3 for an odd answer", () =>
  withAnswers(async (port) => {
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
  }));

linuxTest(
  "a call that gets no answer ends at its deadline",
  () =>
    withAnswers(async (port) => {
      for (const name of names.filter((name) => answers[name]!.late)) {
        const { code, stderr } = await usersvc([
          "call",
          name,
          "--verbose",
          ...address(port, TIMEOUT_MS),
        ]);
        assert.equal(code, 68);
        const ms = Number(/^< DEADLINE_EXCEEDED after ([\d.]+) ms$/m.exec(stderr)?.[1]);
        assertAtDeadline(ms);
      }
    }),
);

linuxTest(
  "what grpc-js logs of an odd header is told when it is asked for, and escaped",
  () =>
    withAnswers(async (port) => {
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
    }),
);
