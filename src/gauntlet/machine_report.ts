/** The gauntlet for programs: lines of JSON, and a report in the form of JUnit. */
import { escapeControls } from "../text/escape.ts";
import { type Case, wantedOf } from "./case.ts";
import { lastLines, type Result } from "./gauntlet.ts";
import { groupsOf, passedOf, wantedWords } from "./text_report.ts";
import { type ExitCodes, statusOfExitCode } from "./verdict.ts";

/** A case as JSON. */
export function caseObject(one: Case): Record<string, unknown> {
  const { name, group, does, mayEnd, section } = one;
  const codes = mayEnd.filter((end) => end !== "OK" && end !== "FAILURE");
  return { name, group, does, wanted: wantedOf(one), codes, section };
}

/** A result as JSON. */
export function resultObject(result: Result, exitCodes: ExitCodes): Record<string, unknown> {
  const { verdict, exitCode, signal, ms, peakBytes, seen, output } = result;
  const code = exitCodes === "grpc" && signal === null ? statusOfExitCode(exitCode) : undefined;
  return {
    ...caseObject(result.case),
    verdict,
    ...(signal === null ? { exitCode } : { signal }),
    ...(code === undefined ? {} : { code }),
    ...seen,
    time_ms: Math.round(ms),
    ...(peakBytes === undefined ? {} : { memory_bytes: peakBytes }),
    ...(verdict === "passed" ? {} : { lastLines: lastLines(output, 8) }),
  };
}

/**
 * A report that servers of CI read.
 *
 * @see https://github.com/testmoapp/junitxml
 */
export function junitReport(results: readonly Result[], name: string): string {
  const suites = groupsOf(results, (result) => result.case.group).map(([group, members]) =>
    `  <testsuite ${attributes({ name: group, ...countsOf(members) })}>\n` +
    members.map(testCase).join("") +
    `  </testsuite>\n`
  );
  return `<?xml version="1.0" encoding="UTF-8"?>\n` +
    `<testsuites ${attributes({ name, ...countsOf(results) })}>\n${suites.join("")}</testsuites>\n`;
}

function countsOf(results: readonly Result[]): Record<string, string | number> {
  const ms = results.reduce((sum, result) => sum + result.ms, 0);
  const failures = results.length - passedOf(results);
  return { tests: results.length, failures, errors: 0, time: seconds(ms) };
}

function testCase({ case: one, verdict, ended, output, ms }: Result): string {
  const head = attributes({ classname: one.group, name: one.name, time: seconds(ms) });
  if (verdict === "passed") return `    <testcase ${head}/>\n`;
  const text = [
    one.does,
    `The call ${wantedWords(one)}: ${one.section}.`,
    ...lastLines(output, 8),
  ];
  const failure = attributes({ type: verdict, message: `${verdict}: ${ended}` });
  return `    <testcase ${head}>\n` +
    `      <failure ${failure}>${xml(text.map(escapeControls).join("\n"))}</failure>\n` +
    `    </testcase>\n`;
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(3);
}

function attributes(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}="${xml(escapeControls(`${value}`))}"`).join(" ");
}

/** Escapes what XML has a use for; what no XML may hold is replaced (XML 1.0, section 2.2). */
function xml(text: string): string {
  return text.toWellFormed().replace(/[\ufffe\uffff]/g, "\ufffd")
    .replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
