/** `usersvc gauntlet` judges other clients rightly, and what it writes for others is read by them. */
import assert from "node:assert/strict";
import { type Client, grpcGo, grpcio, grpcurlItself } from "../../tools/gauntlet/clients.ts";
import { python } from "../../tools/peers/grpc.ts";
import { posixTest, runProgram, shellCommand, usersvc, withFolder } from "../support/program.ts";

const READ = `import json, sys, xml.etree.ElementTree as tree
suites = tree.parse(sys.argv[1]).getroot()
print(json.dumps([[suites.tag, suites.attrib]] + [
    [one.tag, one.attrib, one.text] for one in suites.iter() if one is not suites]))`;

posixTest("a report of JUnit is XML, whatever a client prints", () =>
  withFolder(async (folder) => {
    const report = `${folder}/report.xml`;
    const client = `${shellCommand("call Alice --timeout 30s")} 2> /dev/null || ` +
      `printf '<é & "]]>\\033[31m\\000\\377\\n'`;
    const { code } = await usersvc([
      ...["gauntlet", "--only", "answer,no-trailers,status-17", "--junit", report],
      ...["--", "bash", "-c", client],
    ]);
    assert.equal(code, 1);
    const { stdout, stderr } = await runProgram(await python(), ["-c", READ, report]);
    assert.equal(stderr, "");
    const [[root, all], ...elements] = JSON.parse(stdout);
    assert.equal(root, "testsuites");
    const { tests, failures, errors } = all;
    assert.deepEqual({ tests, failures, errors }, { tests: "3", failures: "2", errors: "0" });
    const named = (tag: string) => elements.filter(([name]: [string]) => name === tag);
    assert.deepEqual(
      named("testsuite").map(([, { name, tests, failures }]: [string, Record<string, string>]) => [
        name,
        tests,
        failures,
      ]),
      [["Answers", "1", "0"], ["Statuses that are none", "2", "2"]],
    );
    const cases = named("testcase").map(([, { name }]: [string, { name: string }]) => name);
    assert.deepEqual(cases, ["answer", "status-17", "no-trailers"]);
    for (const [, attributes, text] of named("failure")) {
      assert.deepEqual(attributes, {
        type: "took a broken answer for good",
        message: "took a broken answer for good: exit code 0",
      });
      assert.ok(text.endsWith('\n<é & "]]>\\x1b[31m\\x00\ufffd'), text);
    }
  }));

/** Cases that these clients end as gRPC's specification wants, each with its status code. */
const PASSED = {
  answer: "OK",
  "status-not-found": "NOT_FOUND",
  "page-401": "UNAUTHENTICATED",
  "page-503": "UNAVAILABLE",
  "http-503-with-a-grpc-status": "ABORTED",
  "rst-cancel": "CANCELLED",
  "rst-enhance-your-calm": "RESOURCE_EXHAUSTED",
  "goaway-before-headers": "OK",
  "closed-at-byte-60": "UNAVAILABLE",
};

/** A status that gRPC does not have has to be UNKNOWN, and is something else for each of them. */
const NOT_PASSED = "status-minus-1";

async function judgedRightly({ install }: Client): Promise<void> {
  const { words } = await install();
  const names = [...Object.keys(PASSED), NOT_PASSED];
  const flags = ["--json", "--exit-codes", "grpc", "--timeout", "30s", "--only", names.join(",")];
  const { code, stdout, stderr } = await usersvc(["gauntlet", ...flags, "--", ...words]);
  const results = stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
  const verdicts = Object.fromEntries(results.map(({ name, verdict, code }) => [
    name,
    verdict === "passed" ? code : verdict,
  ]));
  assert.deepEqual(verdicts, { ...PASSED, [NOT_PASSED]: "wrong code" }, `${stdout}${stderr}`);
  assert.equal(code, 1);
}

posixTest("grpcio, grpc-go and grpcurl are judged rightly", async () => {
  for (const client of [grpcio, grpcGo, grpcurlItself]) await judgedRightly(client);
});
