import assert from "node:assert/strict";
import { begin, end, getUserRequest, message } from "../support/frames.ts";
import { withHttp2Server } from "../support/http2_server.ts";
import {
  posixServeTest,
  programTest,
  serveTest,
  shell,
  shellCommand,
  shellOnTerminal,
  startUsersvc,
  usersvc,
} from "../support/program.ts";

/**
 * A test with a server that greets with "hi" and says who it is: "HOST NUMBER" in a name is the
 * hostname and the gRPC status of its answer. Each answer has a binary trailer.
 */
function namedPeerTest(name: string, use: (address: string[]) => Promise<void>): void {
  programTest(name, () =>
    withHttp2Server(({ stream, send }, username) => {
      const [hostname = "", status = "0"] = username.split(" ");
      const greeting = status === "0" ? [message(stream, getUserRequest("hi"))] : [];
      const trailers = end(stream, status, ["x-bin", "AAE"]);
      send(begin(stream, { hostname }), ...greeting, trailers);
    }, (port) => use(["--address", `127.0.0.1:${port}`])));
}

serveTest("--repeat calls each name so often, from wherever it comes", async ({ port }) => {
  const at = ["--port", `${port}`];
  const thrice = await usersvc(["call", "A", "B", "--repeat", "3", ...at]);
  const greeted = (names: string) => [...names].map((name) => `Привет, ${name}!\n`).join("");
  assert.deepEqual(thrice, { code: 0, stdout: greeted("AAABBB"), stderr: "" });
  const many = await shell(
    `printf 'A\\nB' | ${shellCommand(`call - --repeat 1500 --port ${port} --rate 10000`)}`,
  );
  assert.equal(many.stdout, greeted("A".repeat(1_500) + "B".repeat(1_500)));
});

namedPeerTest("--summary counts calls by status and by hostname, with latencies", async (at) => {
  const names = ["pod-b", "pod-a", "pod-b 5", "pod-b"];
  const text = await usersvc(["call", ...names, ...at, "--summary", "text", "--json"]);
  assert.equal(text.code, 69);
  const lines = [
    "usersvc call: 4 calls in \\d+\\.\\d s",
    "  status    OK         3   75\\.0 %",
    "            NOT_FOUND  1   25\\.0 %",
    "  latency   p50 [\\d.]+ m?s, p95 [\\d.]+ m?s, p99 [\\d.]+ m?s, max [\\d.]+ m?s",
    "  hostname  pod-a  1   25\\.0 %",
    "            pod-b  3   75\\.0 %",
  ];
  assert.match(text.stderr, new RegExp(`^${lines.join("\n")}\n$`));
});

namedPeerTest(
  "--summary json is one object on one line, bounded however many servers answer",
  async (at) => {
    const names = Array.from({ length: 105 }, (_, index) => `pod-${index}`);
    const { code, stderr } = await usersvc(["call", ...names, "x 14", ...at, "--summary", "json"]);
    assert.equal(code, 78);
    const [failure, line, rest] = stderr.split("\n");
    assert.match(failure!, /^usersvc call: "x 14": UNAVAILABLE /);
    assert.equal(rest, "");
    const { seconds, latencyMs, hostnames, ...counts } = JSON.parse(line!);
    assert.deepEqual(counts, { calls: 106, codes: { OK: 105, UNAVAILABLE: 1 }, otherHostnames: 6 });
    assert.equal(Object.keys(hostnames).length, 100);
    assert.equal(hostnames["pod-7"], 1);
    const { p50, p95, p99, max } = latencyMs;
    assert.ok(
      p50 > 0 && p50 <= p95 && p95 <= p99 && p99 <= max && max < seconds * 1_000 + 1,
      line!,
    );
  },
);

namedPeerTest(
  "--json -v has what came with each answer, and nothing of it is on stderr",
  async (at) => {
    const args = ["call", "pod-a", "pod-b 5", ...at, "--json", "-v"];
    const { code, stdout, stderr } = await usersvc(args);
    assert.deepEqual([code, stderr], [69, ""]);
    const objects = stdout.trimEnd().split("\n").map((line) => {
      const { timeMs, ...object } = JSON.parse(line);
      assert.ok(timeMs > 0 && timeMs < 60_000, line);
      return object;
    });
    const came = (hostname: string) => ({
      metadata: { "content-type": ["application/grpc"], hostname: [hostname] },
      trailers: { "x-bin": ["AAE="] },
      peer: at[1],
    });
    assert.deepEqual(objects, [
      { username: "pod-a", message: "hi", ...came("pod-a") },
      {
        username: "pod-b 5",
        error: { code: "NOT_FOUND", number: 5, message: "" },
        ...came("pod-b"),
      },
    ]);
  },
);

programTest(
  "--json -v of a call without a connection has a place for what did not come",
  async () => {
    const args = ["call", "A", "--address", "127.0.0.1:1", "--json", "-v"];
    const { code, stdout, stderr } = await usersvc(args);
    assert.deepEqual([code, stderr], [78, ""]);
    const { metadata, trailers, peer } = JSON.parse(stdout);
    assert.deepEqual({ metadata, trailers, peer }, { metadata: {}, trailers: {}, peer: null });
  },
);

/** The usernames of the objects that `--json` has printed. */
function usernamesIn(stdout: string): string[] {
  return stdout.split("\n").slice(0, -1).map((line) => JSON.parse(line).username);
}

for (const rate of [[], ["--rate", "40"]]) {
  serveTest(
    `--duration begins calls for so long; the names repeat in their order (${rate})`,
    async ({ port }) => {
      const flags = ["--duration", "500ms", ...rate, "--summary", "json", "--json"];
      const names = ["A", "B", "C"];
      const start = performance.now();
      const args = ["call", ...names, ...flags, "--port", `${port}`];
      const { code, stdout, stderr } = await usersvc(args);
      assert.equal(code, 0, stderr);
      const called = usernamesIn(stdout);
      assert.ok(called.length > 3, stdout);
      if (rate.length > 0) assert.ok(called.length <= 20, `${called.length}`);
      assert.deepEqual(called, called.map((_, index) => names[index % 3]));
      const { calls, codes, rate: pace } = JSON.parse(stderr);
      assert.deepEqual([calls, codes.OK], [called.length, called.length]);
      assert.equal(pace?.asked, rate.length > 0 ? 40 : undefined);
      assert.ok(performance.now() - start > 400);
    },
  );
}

serveTest(
  "calls that are in flight when --duration is over finish, and none begins",
  async ({ port }) => {
    const flags = ["--duration", "50ms", "--concurrency", "2", "--port", `${port}`];
    const { code, stdout, stderr } = await usersvc(["call", "A", "B", "C", ...flags]);
    assert.deepEqual([code, stdout, stderr], [0, "Привет, A!\nПривет, B!\n", ""]);
  },
  ["--delay", "1s"],
);

serveTest("--duration judges by its limits, and ends where there is no name", async ({ port }) => {
  const flags = ["--duration", "300ms", "--port", `${port}`];
  const failed = await usersvc(["call", "", "A", ...flags, "--max-failed", "20%", "--json"]);
  assert.equal(failed.code, 1);
  assert.match(failed.stderr, /^usersvc call: \d+ of \d+ calls failed, [\d.]+ %; /);
  const first = await usersvc(["call", "", "A", ...flags, "--fail-fast"]);
  assert.deepEqual([first.code, first.stdout], [67, ""]);
  const none = await usersvc(["call", "--file", "/dev/null", ...flags, "--duration", "1h"]);
  assert.deepEqual(none, { code: 0, stdout: "", stderr: "" });
});

posixServeTest(
  "names of stdin repeat with --duration, which does not wait for their end",
  async ({ port }) => {
    const call = shellCommand(`call - --duration 1s --concurrency 1 --json --port ${port}`);
    const called = usernamesIn((await shell(`printf 'A\\nB\\n' | ${call}`)).stdout);
    assert.ok(called.length > 2);
    assert.deepEqual(called, called.map((_, index) => "AB"[index % 2]));
    const waiting = startUsersvc(["call", "-", "--duration", "300ms", "--port", `${port}`], {
      stdin: "piped",
    });
    assert.equal((await waiting.ended()).code, 0);
    await waiting.endInput();
  },
);

serveTest("--rate 0.5 begins a call every two seconds", async ({ port }) => {
  const flags = ["--rate", "0.5", "--summary", "json", "--port", `${port}`];
  const { code, stderr } = await usersvc(["call", "A", "B", ...flags]);
  assert.equal(code, 0);
  const { seconds, rate: { asked, begun } } = JSON.parse(stderr);
  assert.equal(asked, 0.5);
  assert.ok(seconds > 1.9 && begun <= 0.51 && begun > 0, stderr);
});

namedPeerTest(
  "--max-failed and --max-p99 decide the exit code and say what was measured",
  async (at) => {
    const verdict = async (...args: string[]) => {
      const { code, stderr } = await usersvc(["call", ...args, ...at, "--json"]);
      return [code, stderr];
    };
    assert.deepEqual(await verdict("a", "b 5", "--max-failed", "50%"), [0, ""]);
    assert.deepEqual(await verdict("a", "b 5", "--max-failed", "49.5"), [
      1,
      "usersvc call: 1 of 2 calls failed, 50 %; 49.5 % are allowed\n",
    ]);
    // A call that failed is one still where only the latency has a limit.
    assert.deepEqual(await verdict("a", "b 5", "--max-p99", "1m"), [69, ""]);
    assert.deepEqual(await verdict("b 5", "--max-p99", "1m"), [
      1,
      "usersvc call: no call was answered, so there is no p99; its limit is 60 s\n",
    ]);
    assert.deepEqual(await verdict("--file", "/dev/null", "--max-failed", "1%"), [
      1,
      "usersvc call: no call was made; 1 % may fail\n",
    ]);
    const one = `${(await verdict("b 5", "--max-failed", "0", "--summary", "text"))[1]}`;
    assert.match(one, /^usersvc call: 1 call in [^]*usersvc call: 1 of 1 call failed, 100 %; /);
  },
);

serveTest("--max-p99 and --max-failed that are exceeded are one line", async ({ port }) => {
  const limits = ["--max-p99", "20ms", "--max-failed", "0"];
  const args = ["call", "A", "", "--port", `${port}`, "--json", ...limits];
  const { code, stderr } = await usersvc(args);
  assert.equal(code, 1);
  assert.match(
    stderr,
    /^usersvc call: p99 is [\d.]+ ms, its limit is 20 ms; 1 of 2 calls failed, 50 %; 0 % are allowed\n$/,
  );
}, ["--delay", "60ms"]);

serveTest("calls that cannot begin in time are counted and said", async ({ port }) => {
  const args = ["call", "A", "--port", `${port}`, "--repeat", "5", "--rate", "100"];
  const late = "4 of 5 calls were begun more than 100 ms late\n";
  const one = await usersvc([...args, "--concurrency", "1"]);
  assert.deepEqual([one.code, one.stderr], [0, `usersvc call: ${late}`]);
  const summed = await usersvc([...args, "--concurrency", "1", "--summary", "text"]);
  assert.ok(summed.stderr.includes(`\n  late      ${late}`), summed.stderr);
  assert.equal(summed.stderr.split("were begun").length, 2);
  // The fifth waited for four others: that is in its latency.
  const max = /max ([\d.]+) s\n/.exec(summed.stderr);
  assert.ok(Number(max?.[1]) > 1.4, summed.stderr);
}, ["--delay", "300ms"]);

posixServeTest(
  "names that cannot be read to their end have a summary of those that were, and are not judged",
  async ({ port }) => {
    const call = shellCommand(`call - --summary json --max-failed 0 --port ${port}`);
    const { code, stdout, stderr } = await shell(`printf 'A\\n\\n\\377\\nB' | ${call}`);
    assert.deepEqual([code, stdout], [1, "Привет, A!\n"]);
    const [failure, summary, fault, end] = stderr.split("\n");
    assert.match(failure!, /^usersvc call: "": INVALID_ARGUMENT /);
    assert.deepEqual(JSON.parse(summary!).codes, { OK: 1, INVALID_ARGUMENT: 1 });
    assert.match(fault!, /^usersvc call: cannot read stdin: line 3 is not UTF-8; /);
    assert.equal(end, "");
  },
);

posixServeTest("a signal ends a batch with a rate at once, with its summary", async (server) => {
  const call = startUsersvc([
    ...["call", "A", "--port", `${server.port}`, "--repeat", "100000000"],
    ...["--rate", "1", "--summary", "json", "--max-p99", "1ms"],
  ]);
  await server.stdout.until(/: A\n/);
  const start = Date.now();
  call.kill("SIGINT");
  const { code, stderr } = await call.ended();
  assert.equal(code, 130);
  assert.ok(Date.now() - start < 10_000);
  // A batch that was ended is not judged.
  assert.deepEqual(Object.keys(JSON.parse(stderr)).slice(0, 2), ["calls", "seconds"]);
});

posixServeTest(
  "a reader that has read enough ends an endless batch, and its summary comes",
  async ({ port }) => {
    const call = shellCommand(
      `call A --port ${port} --repeat 100000000 --rate 1000 --summary json`,
    );
    const { code, stdout, stderr } = await shell(`set -o pipefail; ${call} | head -n 1`);
    assert.deepEqual([code, stdout], [0, "Привет, A!\n"]);
    assert.ok(JSON.parse(stderr).calls > 0, stderr);
  },
);

posixServeTest(
  "on a terminal the summary stands in place of that of the progress",
  async ({ port }) => {
    const call = shellCommand(`call A --repeat 15 --rate 10 --summary text --port ${port}`);
    const shown = (await shellOnTerminal(call)).stdout;
    assert.match(shown, /\d+ of 15 calls, 0 failed/);
    assert.equal(shown.split("usersvc call:").length, 2, shown);
    assert.match(shown, /usersvc call: 15 calls in [\d.]+ s, [\d.]+ begun per second of 10\n/);
  },
);
