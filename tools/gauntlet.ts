/**
 * Sends clients of several libraries through `usersvc gauntlet`, and writes what comes of it into
 * docs/gauntlet.md. It installs the clients from their registries, and the page names those that it
 * cannot install; stderr says what it does.
 */
import { allCases } from "../src/gauntlet/cases.ts";
import { wantedWords } from "../src/gauntlet/text_report.ts";
import { type Verdict, VERDICTS } from "../src/gauntlet/verdict.ts";
import { formatMegabytes } from "../src/text/amounts.ts";
import { messageOf } from "../src/text/errors.ts";
import { formatMarkdown } from "./commands_doc.ts";
import { allClients, type Client, type Installed } from "./gauntlet/clients.ts";
import { mainModule, root } from "./paths.ts";
import { run } from "./programs.ts";
import { sourcePermissionFlags, v8Flags } from "./run_flags.ts";

const USERSVC = [
  Deno.execPath(),
  "run",
  "--quiet",
  v8Flags,
  ...sourcePermissionFlags,
  mainModule,
] as const;

/** What the gauntlet says of a case; see docs/commands.md. */
interface Result {
  readonly name: string;
  readonly verdict: Verdict;
  readonly code?: string;
  readonly exitCode?: number;
  readonly signal?: string;
  readonly tries: number;
  readonly time_ms: number;
  readonly memory_bytes?: number;
  readonly lastLines?: readonly string[];
}

async function runClient(name: string, words: readonly string[]): Promise<readonly Result[]> {
  console.error(`gauntlet: ${name}`);
  const args = ["gauntlet", "--json", "--exit-codes", "grpc", "--", ...words];
  const { stdout, stderr } = await run(USERSVC, args);
  if (stdout === "") throw new Error(`${name}: ${stderr}`);
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
}

type Run = readonly [client: Client & Installed, results: readonly Result[]];

function summaryTable(runs: readonly Run[]): string {
  const verdicts = VERDICTS.toReversed();
  const rows = runs.map(([{ name, versions }, results]) => {
    const counts = verdicts.map((verdict) =>
      results.filter((one) => one.verdict === verdict).length || ""
    );
    const most = results.reduce((a, b) => memoryOf(b) > memoryOf(a) ? b : a);
    const memory = `${formatMegabytes(memoryOf(most))} in \`${most.name}\``;
    return [name, versions, ...counts, memory];
  });
  return table(["Client", "Version", ...verdicts, "memory"], rows);
}

function memoryOf({ memory_bytes: bytes = 0 }: Result): number {
  return bytes;
}

/** The cases that some client did not pass, with how each ended that did not. */
function failureTable(runs: readonly Run[]): string {
  const rows = allCases.flatMap((one) => {
    const failed = runs.flatMap(([client, results]) => {
      const result = results.find(({ name, verdict }) => name === one.name && verdict !== "passed");
      return result === undefined ? [] : [`${client.name}: ${endOf(result)}`];
    });
    if (failed.length === 0) return [];
    const wanted = `${one.does} The call ${wantedWords(one)}: ${one.section}.`;
    return [[`\`${one.name}\``, wanted, failed.join("; ")]];
  });
  return table(["Case", "What the server does, and what is wanted", "Who did not pass"], rows);
}

function endOf({ verdict, code, exitCode, signal, tries, lastLines = [] }: Result): string {
  if (verdict === "wrong code") return code ?? `exit code ${exitCode}`;
  if (verdict === "gave up") return `gave up, ${code ?? `exit code ${exitCode}`}`;
  if (verdict === "called again") return `called ${tries} times`;
  if (verdict !== "crashed") return verdict;
  if (signal !== undefined) return `${verdict}, ${signal}`;
  // What Ruby has left out comes below its error, indented.
  const line = lastLines.findLast((line) => /^\S/.test(line));
  if (line === undefined) return verdict;
  return `${verdict}, \`\` ${line.replaceAll(root, "").replaceAll("|", "\\|")} \`\``;
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function page(runs: readonly Run[], missing: readonly string[]): string {
  const count = runs[0]![1].length;
  return `# Clients in the gauntlet

How clients of gRPC end where a server does what it should not:
[\`usersvc gauntlet\`](commands.md#gauntlet), ${count} cases, status codes counted too
(\`--exit-codes grpc\`). \`deno task gauntlet\` makes this page. Each client is a program of some
twenty lines in \`tools/gauntlet/\` or \`tests/go/\`, with its library's defaults and a deadline of two
seconds; nothing is tuned. A failure here is a difference from the section that is named, in one
run; it is no verdict on a library. Memory is the most that the process had. C++ and Ruby are those of
Debian's packages, which may be older than what their registries have.
${missing.map((name) => `\nNot in this run, since it could not be installed: ${name}.\n`).join("")}
${summaryTable(runs)}

## What was not passed

Of a client that crashed the signal or its error is shown: \`'NoneType'\` and \`nil\` mean that its
library gave the program neither an answer nor an error, SIGABRT that an assertion in it failed. Exit code 81 stands for a status that gRPC does not have.

${failureTable(runs)}

\`usersvc gauntlet --only CASE --exit-codes grpc -- COMMAND\` repeats a case, from the root of the
repository once the task has installed the clients:

${table(["Client", "COMMAND"], runs.map(([{ name, typed }]) => [name, `\`${typed}\``]))}
`;
}

/** What the page says of each client, or nothing where it cannot be installed. */
async function runOf(client: Client): Promise<Run | undefined> {
  let installed;
  try {
    installed = await client.install();
  } catch (error) {
    console.error(`gauntlet: ${client.name} is left out: ${messageOf(error)}`);
    return undefined;
  }
  return [{ ...client, ...installed }, await runClient(client.name, installed.words)];
}

if (import.meta.main) {
  const runs: Run[] = [];
  const missing: string[] = [];
  for (const client of allClients(USERSVC)) {
    const run = await runOf(client);
    if (run === undefined) missing.push(client.name);
    else runs.push(run);
  }
  await Deno.writeTextFile(`${root}docs/gauntlet.md`, await formatMarkdown(page(runs, missing)));
}
