/** What `usersvc gauntlet` writes for others is read by them. */
import assert from "node:assert/strict";
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
