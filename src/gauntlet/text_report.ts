/** The gauntlet for people: the list of cases, and a report. */
import { formatCount, formatMegabytes } from "../text/amounts.ts";
import { escapeControls, excerpt, shellWord } from "../text/escape.ts";
import { type Case, wantedOf } from "./case.ts";
import { lastLines, type Result } from "./gauntlet.ts";
import { VERDICTS } from "./verdict.ts";

/** The cases by groups, each with what the server does and what is wanted of the client. */
export function caseList(cases: readonly Case[]): string {
  return groupsOf(cases, ({ group }) => group).map(([group, members]) =>
    `${group}:\n` +
    members.map((one) =>
      `  ${one.name}\n    ${one.does}\n    The call ${wantedWords(one)}: ${one.section}.\n`
    ).join("")
  ).join("\n");
}

/** What the specification wants of a call, in words: `must fail (INTERNAL)`. */
export function wantedWords(one: Case): string {
  const codes = one.mayEnd.filter((end) => end !== "OK" && end !== "FAILURE");
  const code = codes.length === 0 ? "" : ` (${codes.join(" or ")})`;
  switch (wantedOf(one)) {
    case "success":
      return "must succeed";
    case "failure":
      return `must fail${code}`;
    case "either":
      return `may succeed or fail${code}`;
  }
}

/**
 * Failures, the worst first, a table of the groups, and how many cases passed.
 *
 * @param again the command line of this gauntlet, with the name of a case in place of its own choice
 */
export function textReport(
  results: readonly Result[],
  again: (name: string) => readonly string[],
): string {
  const failures = results.filter(({ verdict }) => verdict !== "passed")
    .toSorted((a, b) => VERDICTS.indexOf(a.verdict) - VERDICTS.indexOf(b.verdict));
  return failures.map((one) => failureText(one, again) + "\n").join("") + groupTable(results);
}

function failureText(result: Result, again: (name: string) => readonly string[]): string {
  const { verdict, ended, output, frames, case: one } = result;
  return [
    `${one.name}: ${verdict}`,
    `  ${one.does}`,
    `  The call ${wantedWords(one)}: ${one.section}.`,
    `  The client: ${ended}. ${seenWords(result)}`,
    ...lastLines(output, verdict === "crashed" ? 8 : 2).map((line) => `  | ${excerpt(line, 160)}`),
    ...frames.map((line) => `  ${line}`),
    `  Again: ${again(one.name).map((word) => escapeControls(shellWord(word))).join(" ")}`,
    "",
  ].join("\n");
}

function seenWords({ seen, ms, peakBytes }: Result): string {
  const { connections, tries, resets } = seen;
  const tried = tries === 1 ? "1 try" : `${tries} tries`;
  const memory = peakBytes === undefined ? "" : `, ${formatMegabytes(peakBytes)}`;
  return `${formatCount(connections, "connection")}, ${tried}, ${formatCount(resets, "reset")}, ` +
    `${Math.round(ms)} ms${memory}.`;
}

function groupTable(results: readonly Result[]): string {
  const groups = groupsOf(results, (result) => result.case.group);
  const width = Math.max(0, ...groups.map(([group]) => group.length));
  return groups.map(([group, members]) =>
    `${group.padEnd(width)}  ${passedOf(members)} of ${members.length}\n`
  ).join("");
}

/** How many of the results passed. */
export function passedOf(results: readonly Result[]): number {
  return results.filter(({ verdict }) => verdict === "passed").length;
}

/** Things by groups, in the order of the first of each. */
export function groupsOf<T>(
  things: readonly T[],
  groupOf: (thing: T) => string,
): readonly (readonly [group: string, members: readonly T[]])[] {
  return [...Map.groupBy(things, groupOf)];
}
