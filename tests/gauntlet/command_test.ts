/** `usersvc gauntlet`: its cases, its flags, its report and its end. */
import assert from "node:assert/strict";
import { dirname } from "node:path";
import { NO_STATUS_CODES } from "../../src/gauntlet/answer_cases.ts";
import { allCases, chosenCases, findCases } from "../../src/gauntlet/cases.ts";
import { CALL_TLS, cert, SERVE_TLS } from "../support/certs.ts";
import {
  linuxTest,
  posixTest,
  programTest,
  shell,
  shellCommand,
  startUsersvc,
  usersvc,
  withFolder,
} from "../support/program.ts";
import { gone } from "../support/workers.ts";
import { until } from "../support/waits.ts";
import { gauntlet, ourClient, result, script } from "./clients.ts";

posixTest("the report has failures first, what was wanted, and how to repeat it", async () => {
  const { code, stdout, stderr } = await gauntlet(
    "no-trailers,status-not-found",
    `${ourClient()} || true`,
    "--exit-codes",
    "grpc",
    "--jobs",
    "1",
  );
  assert.equal(code, 1);
  assert.match(
    stdout,
    new RegExp(
      "^status-not-found: took a broken answer for good\n" +
        "  The server answers with the status NOT_FOUND\\.\n" +
        "  The call must fail \\(NOT_FOUND\\): gRPC's PROTOCOL-HTTP2\\.md, Responses\\.\n" +
        "  The client: exit code 0, OK\\. 1 connection, 1 try, 0 resets, \\d+ ms(?:, \\d+ MB)?\\.\n" +
        "  \\| usersvc call: NOT_FOUND from [^\n]+\n" +
        "  #1 \\* +\\d+\\.\\d ms  connection to 127\\.0\\.0\\.1:\\d+\n" +
        "(?:  [ #][^\n]+\n)+" +
        "          grpc-message: its words\n" +
        "(?:  [ #][^\n]+\n)*" +
        "  Again: usersvc gauntlet --only status-not-found --exit-codes grpc -- bash -c [^\n]+\n" +
        "\nno-trailers: took [^]+\n" +
        "Statuses                0 of 1\n" +
        "Statuses that are none  0 of 1\n$",
    ),
  );
  assert.equal(stderr, "usersvc gauntlet: 0 of 2 cases passed\n");
});

posixTest("a command that fails where nothing is wrong ends the run before it begins", async () => {
  for (
    const [client, why] of [
      ["exit 3", /gave up, exit code 3, 0 connections\)/],
      ["echo no server >&2; exit 3", /: no server; it has to call GetUser/],
    ] as const
  ) {
    const { code, stdout, stderr } = await gauntlet("nothing", client);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /^usersvc gauntlet: the command fails with a server that [^\n]+\n$/);
    assert.match(stderr, why);
  }
  const idle = await gauntlet("nothing", "echo idle");
  assert.deepEqual([idle.code, idle.stdout], [1, ""]);
  assert.equal(
    idle.stderr,
    "usersvc gauntlet: the command ended with exit code 0, but has not connected to the server: " +
      "idle; it has to call GetUser at USERSVC_ADDRESS or {address}, and to exit with 0\n",
  );
  const missing = await usersvc(["gauntlet", "--", "/no/such/client"]);
  assert.deepEqual([missing.code, missing.stdout], [1, ""]);
  assert.equal(
    missing.stderr,
    'usersvc gauntlet: cannot run "/no/such/client": it, or the interpreter in its first line, ' +
      "does not exist\n",
  );
});

posixTest(
  "a signal ends the clients, and shows what there is so far",
  () =>
    withFolder(async (folder) => {
      const waits = `${ourClient()} || { echo $$ > ${folder}/pid; sleep 600; }`;
      const run = startUsersvc([
        ...["gauntlet", "--only", "answer,no-trailers", "--timeout", "1h"],
        ...script(waits),
      ]);
      const path = `${folder}/pid`;
      const isThere = () => Deno.stat(path).then(({ size }) => size > 0, () => false);
      await until("a client that waits", isThere);
      run.kill("SIGINT");
      const { code, stdout, stderr } = await run.ended();
      assert.equal(code, 130);
      assert.equal(stdout, "Answers  1 of 1\n");
      assert.equal(stderr, "usersvc gauntlet: 1 of 1 case passed, 1 case not run\n");
      await gone(Number(await Deno.readTextFile(path)));
    }),
);

linuxTest("output that cannot be written, or that nobody reads, ends the run", async () => {
  const run = `${shellCommand("gauntlet --json --jobs 1 --only page --")} ${ourClient()}`;
  const full = await shell(`${run} > /dev/full`);
  assert.equal(full.code, 1);
  assert.match(full.stderr, /^usersvc gauntlet: cannot write the output: [^\n]+\n$/);
  const report = await usersvc(["gauntlet", "--junit", "/dev/full", "--", "true"]);
  assert.deepEqual(report, {
    code: 1,
    stdout: "",
    stderr: "usersvc gauntlet: cannot write /dev/full: not allowed to write it\n",
  });
  const { stdout, stderr } = await shell(`${run} | head -n 1`);
  assert.equal(JSON.parse(stdout).verdict, "passed");
  assert.match(stderr, /^usersvc gauntlet: \d+ of \d+ cases? passed, \d+ cases? not run\n$/);
});

posixTest("{address} in the arguments is the address of the server", async () => {
  const args = ["gauntlet", "--only", "answer", "--", "bash", "-c"];
  const { code, stderr } = await usersvc([
    ...args,
    `[ "$1" = "at $USERSVC_ADDRESS" ] && [ "$USERSVC_TIMEOUT" = 2000ms ] && exec ${ourClient()}`,
    "client",
    "at {address}",
  ]);
  assert.equal(code, 0, stderr);
});

posixTest("with a certificate the servers speak TLS", async () => {
  const client = shellCommand(`call Alice --timeout 30s ${CALL_TLS.join(" ")}`);
  for (const name of ["ping", "rst_after_data", "closed-at-byte-60", "close-at-once"]) {
    assert.equal((await result(name, client, ...SERVE_TLS)).verdict, "passed", name);
  }
});

programTest("TLS files that do not fit together are found before anything runs", async () => {
  for (
    const [[certFile, keyFile], why] of [
      [[cert("server.key"), cert("server.pem")], /server\.key holds no PEM certificate\n$/],
      [[cert("server.pem"), cert("second.key")], /second\.key does not belong to [^\n]+\n$/],
      [[cert("no.pem"), cert("server.key")], /cannot read [^\n]+: there is no such file\n$/],
    ] as const
  ) {
    const files = ["--tls-cert", certFile, "--tls-key", keyFile];
    const { code, stdout, stderr } = await usersvc(["gauntlet", ...files, "--", "/no/such/client"]);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, why);
  }
});

posixTest("with --unix the servers listen on Unix sockets, of which none is left", async () => {
  const noted = `echo "$USERSVC_ADDRESS" >&2; ${ourClient()}`;
  for (const name of ["ping", "rst_after_data", "closed-at-byte-60", "reset-at-once"]) {
    assert.equal((await result(name, noted, "--unix")).verdict, "passed", name);
  }
  const one = await result("no-trailers", `${noted} || true`, "--unix");
  const [, path] = /^unix:(\/.*\/no-trailers)$/.exec(one.lastLines[0])!;
  await assert.rejects(Deno.stat(dirname(path!)), Deno.errors.NotFound);
});

programTest("--list shows the cases, and runs nothing", async () => {
  const { code, stdout, stderr } = await usersvc(["gauntlet", "--list"]);
  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(
    stdout,
    /^ {2}goaway\n {4}The server [^\n]+\.\n {4}The call must succeed: gRPC's PROTOCOL-HTTP2\.md, GOAWAY Frame\.$/m,
  );
  const { stdout: json } = await usersvc(["gauntlet", "--list", "--all", "--json"]);
  const names = json.trimEnd().split("\n").map((line) => JSON.parse(line).name);
  assert.deepEqual(names, allCases.map(({ name }) => name));
});

programTest("flags that are wrong, or do not go together, are one line each", async () => {
  const run = ["--", "true"];
  const maxJobs = 4 * navigator.hardwareConcurrency;
  for (
    const [args, why] of [
      [[], "missing COMMAND: -- and the client to run"],
      [["--list", ...run], "--list runs no command"],
      [["--list", "--junit", "x.xml"], "--list writes no --junit report"],
      [["--all", "--only", "goaway", ...run], "--all cannot be combined with --only"],
      [
        ["--only", "gaoway", ...run],
        '--only: no case has "gaoway" in its name or group (did you mean goaway?)',
      ],
      [["--only", "a,,b", ...run], "--only expects names of cases or parts of them"],
      [["--exit-codes", "http", ...run], "--exit-codes expects grpc or any"],
      [["--tls-cert", "x.pem", ...run], "--tls-cert needs --tls-key"],
      [
        ["--jobs", `${maxJobs + 1}`, ...run],
        `--jobs expects a number from 1 to ${maxJobs}, 4 for `,
      ],
      [["true"], 'unexpected argument "true"'],
    ] as const
  ) {
    const { code, stdout, stderr } = await usersvc(["gauntlet", ...args]);
    assert.deepEqual([code, stdout], [2, ""], stderr);
    assert.ok(stderr.startsWith(`usersvc gauntlet: ${why}`), stderr);
    assert.match(stderr, /^[^\n]+\n$/);
  }
  const { code, stderr } = await usersvc(["gauntlet", "--junit", "/no/such/report.xml", ...run]);
  assert.equal(code, 1);
  assert.match(stderr, /^usersvc gauntlet: cannot write \/no\/such\/report\.xml: /);
});

Deno.test("each case has a name of its own, and the chosen ones are some 90", () => {
  const names = allCases.map(({ name }) => name);
  assert.equal(new Set(names).size, names.length);
  assert.deepEqual(names.filter((name) => !/^[a-z0-9][a-z0-9_-]*$/.test(name)), []);
  assert.equal(chosenCases.length, 93);
  for (const name of ["goaway", "rst_after_header", "rst_during_data", "rst_after_data", "ping"]) {
    assert.ok(chosenCases.some((one) => one.name === name), name);
  }
});

Deno.test("no status that is none ends a client with 0 that adds 64 to it", () => {
  const codes = Object.values(NO_STATUS_CODES).map((odd) => (64 + Number(odd)) % 256);
  assert.ok(!codes.includes(0), `${codes}`);
});

Deno.test("a word that is a name means that case alone, another the cases that have it", () => {
  const namesOf = (...words: string[]) => {
    const found = findCases(words);
    return "unknown" in found ? found : found.map(({ name }) => name);
  };
  assert.deepEqual(namesOf("goaway"), ["goaway"]);
  assert.ok((namesOf("goaway-") as string[]).length > 10);
  assert.deepEqual(namesOf("floods"), [
    ...["10000-pings", "100-pings", "10000-ping-answers", "10000-settings", "100-settings"],
    ...["10000-window-updates", "100-window-updates", "10000-unknown-frames"],
    "100-unknown-frames",
  ]);
  assert.deepEqual(namesOf("goaway", "xyz"), { unknown: "xyz" });
});
