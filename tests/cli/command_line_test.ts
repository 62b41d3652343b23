import assert from "node:assert/strict";
import config from "../../deno.json" with { type: "json" };
import { readCommandLine } from "../../src/cli/command_line.ts";
import { loadCommands } from "../../src/cli/help.ts";
import { program } from "../../src/main.ts";
import { programTest, usersvc } from "../support/program.ts";

const FREE_PORT = "a port number from 1 to 65535, or 0 for any free one";
const PORT = "a port number from 1 to 65535";
const DURATION = "a duration from 1ms to 24h with its unit, such as 500ms, 2s or 1m";
const ADDRESS =
  "HOST:PORT, [IPV6]:PORT, dns:///NAME:PORT, unix:PATH, ipv4:IP:PORT,... or ipv6:[IP]:PORT,...";
const HEADER = "'name: value'";
const NEWLINE = "a\nb\x1b[2J";

/** Wrong command lines and the one line that each prints, without what every line ends with. */
const mistakes: [args: string[], line: string][] = [
  [["srve"], 'usersvc: unknown command "srve" (did you mean serve?)'],
  [["quite-another"], 'usersvc: unknown command "quite-another"'],
  [[""], 'usersvc: unknown command ""'],
  [["toString"], 'usersvc: unknown command "toString"'],
  [[NEWLINE], 'usersvc: unknown command "a\\nb\\x1b[2J"'],
  [["x".repeat(1000)], `usersvc: unknown command "${"x".repeat(60)}..."`],
  [["--port", "1"], "usersvc: unknown flag --port; the flags of a command follow its name"],
  [["--version", "x"], 'usersvc: unexpected argument "x"'],
  [["help", "srve"], 'usersvc: unknown command "srve" (did you mean serve?)'],
  [["help", "serve", "x"], 'usersvc: unexpected argument "x"'],
  [["serve", "--prt", "1"], "usersvc serve: unknown flag --prt (did you mean --port?)"],
  [["serve", "--timeout", "1s"], "usersvc serve: unknown flag --timeout"],
  [["serve", "--toString=1"], "usersvc serve: unknown flag --toString"],
  [["serve", "--no-port"], "usersvc serve: unknown flag --no-port (did you mean --port?)"],
  [["serve", "--no-port=1"], "usersvc serve: unknown flag --no-port (did you mean --port?)"],
  [["serve", "-x"], "usersvc serve: unknown flag -x"],
  [["serve", "--port"], `usersvc serve: --port needs a value: ${FREE_PORT}`],
  [["serve", "--port="], `usersvc serve: --port needs a value: ${FREE_PORT}`],
  [["serve", "--port", ""], `usersvc serve: --port needs a value: ${FREE_PORT}`],
  [["serve", "--port", "-1"], `usersvc serve: --port expects ${FREE_PORT}, not "-1"`],
  [["serve", "--port", "-"], `usersvc serve: --port expects ${FREE_PORT}, not "-"`],
  [["serve", "--port", "--grace", "1s"], `usersvc serve: --port needs a value: ${FREE_PORT}`],
  [["serve", "--port", "--", "1"], `usersvc serve: --port needs a value: ${FREE_PORT}`],
  [["serve", "--port", "--no-reflection"], `usersvc serve: --port needs a value: ${FREE_PORT}`],
  [["serve", "--port=-1"], `usersvc serve: --port expects ${FREE_PORT}, not "-1"`],
  [["serve", "--port", "65536"], `usersvc serve: --port expects ${FREE_PORT}, not "65536"`],
  [
    ["serve", "--host", "a b"],
    'usersvc serve: --host expects a host name or an IP address, not "a b"',
  ],
  [
    ["serve", "--reflection"],
    "usersvc serve: unknown flag --reflection (did you mean --no-reflection?)",
  ],
  [
    ["serve", "--reflection=false"],
    "usersvc serve: unknown flag --reflection (did you mean --no-reflection?)",
  ],
  [["serve", "--no-reflection", "true"], 'usersvc serve: unexpected argument "true"'],
  [["--help=no"], 'usersvc: --help expects no value, =true or =false, not "no"'],
  [["-V="], 'usersvc: -V expects no value, =true or =false, not ""'],
  [["serve", "x"], 'usersvc serve: unexpected argument "x"'],
  [["serve", "--no-reflection", "x"], 'usersvc serve: unexpected argument "x"'],
  [["proto", "x"], 'usersvc proto: unexpected argument "x"'],
  [["proto", "--port", "1"], "usersvc proto: unknown flag --port"],
  [["call"], "usersvc call: missing NAME: a username, - for names from stdin, or --file"],
  [["call", "a", "-"], "usersvc call: - (names from stdin) cannot be combined with another NAME"],
  [["call", "a", "--file", "b"], "usersvc call: --file cannot be combined with NAME"],
  [
    ["call", "-", "--concurrency", "0"],
    'usersvc call: --concurrency expects a number from 1 to 1000, not "0"',
  ],
  [["call", "-_"], "usersvc call: unknown flag -_ (to pass it as NAME, put -- before it)"],
  [["call", "-x"], "usersvc call: unknown flag -x (to pass it as NAME, put -- before it)"],
  [["call", "a", "--port", "0"], `usersvc call: --port expects ${PORT}, not "0"`],
  [["call", "a", "--timeout", "10"], `usersvc call: --timeout expects ${DURATION}, not "10"`],
  [["call", "a", "--timeout=-1s"], `usersvc call: --timeout expects ${DURATION}, not "-1s"`],
  [["call", "a", "--timeout", "-1s"], `usersvc call: --timeout expects ${DURATION}, not "-1s"`],
  [
    ["call", "--file", "-x"],
    "usersvc call: --file needs a value: the path of a file; " +
    "one that begins with a dash is written --file=-x",
  ],
  [
    ["call", "a", "--fail-fast", "--max-failed", "1"],
    "usersvc call: --max-failed, which lets calls fail, cannot be combined with --fail-fast",
  ],
  [
    ["call", "a", "--rate", "10001"],
    'usersvc call: --rate expects a number from 0.001 to 10000, not "10001"',
  ],
  [
    ["call", "a", "--repeat", "0"],
    'usersvc call: --repeat expects a number from 1 to 100000000, not "0"',
  ],
  [
    ["call", "a", "--repeat", "2", "--duration", "1s"],
    "usersvc call: --repeat cannot be combined with --duration, which repeats the names",
  ],
  [["call", "a", "--summary", "x"], 'usersvc call: --summary expects text or json, not "x"'],
  [
    ["call", "a", "--max-failed", "101"],
    'usersvc call: --max-failed expects a percentage from 0 to 100, such as 1% or 0.5%, not "101"',
  ],
  [
    ["call", "a", "--keepalive", "999ms"],
    "usersvc call: --keepalive expects a duration from 1s to 24h with its unit, such as 2s, 1m " +
    'or 1h, not "999ms"',
  ],
  [["call", "a", "-H"], `usersvc call: --header needs a value: ${HEADER}`],
  [["call", "a", "-H", "-v"], `usersvc call: --header needs a value: ${HEADER}`],
  [["call", "a", "-vH", ""], `usersvc call: --header needs a value: ${HEADER}`],
  [
    ["call", "a", "-H", "-5"],
    `usersvc call: --header: there is no colon after "-5": write ${HEADER}`,
  ],
  [
    ["call", "a", "-Htoken secret"],
    `usersvc call: --header: there is no colon after "token": write ${HEADER}`,
  ],
  [
    ["call", "a", "-H:x"],
    `usersvc call: --header: there is no name before the first colon: write ${HEADER}`,
  ],
  [
    ["call", "a", "-Ha\nb:x"],
    'usersvc call: --header: the name "a\\nb" has other characters than ASCII letters, digits, "_", ' +
    '"-" and "."',
  ],
  [
    ["call", "a", "-HTE: x"],
    'usersvc call: --header: gRPC or HTTP/2 sets "te" itself, choose another name',
  ],
  [
    ["call", "a", "-Hx: é"],
    'usersvc call: --header: the value of "x" is not printable ASCII; send other text as base64, ' +
    "under a name that ends in -bin",
  ],
  [
    ["call", "a", "-Hx-bin: ?"],
    'usersvc call: --header: the value of "x-bin" is not base64, which a name that ends in -bin needs',
  ],
  [["call", "a", "--tim", "1s"], "usersvc call: unknown flag --tim (did you mean --timeout?)"],
  [["call", "a", "--conc=5"], "usersvc call: unknown flag --conc (did you mean --concurrency?)"],
  [["call", "a", "--rep", "5"], "usersvc call: unknown flag --rep (did you mean --repeat?)"],
  [
    ["call", "a", "--max", "5"],
    "usersvc call: unknown flag --max (did you mean --max-p99 or --max-failed?)",
  ],
  [
    ["call", "a", "--address", "http://a:1"],
    'usersvc call: --address: "http://a:1" is a URL: write HOST:PORT alone, and --tls in place of ' +
    "https://",
  ],
  [["call", "a", "-v0"], 'usersvc call: -v expects no value, =true or =false, not "0"'],
  [["call", "a", "-vH=x"], 'usersvc call: -v expects no value, =true or =false, not "H=x"'],
  [["call", "a", "-vx"], "usersvc call: unknown flag -vx (to pass it as NAME, put -- before it)"],
  [["call", "a", "--address", ":1"], `usersvc call: --address expects ${ADDRESS}, not ":1"`],
  [
    ["call", "a", `--address=${NEWLINE}`],
    `usersvc call: --address expects ${ADDRESS}, not "a\\nb\\x1b[2J"`,
  ],
];

for (const [args, line] of mistakes) {
  programTest(`usersvc ${JSON.stringify(args).slice(0, 80)} is a usage error`, async () => {
    const subject = /^usersvc (\w+):/.exec(line)?.[1];
    const end = subject === undefined ? "usersvc --help" : `usersvc ${subject} --help`;
    assert.deepEqual(await usersvc(args), { code: 2, stdout: "", stderr: `${line}; see ${end}\n` });
  });
}

programTest(
  "an invalid USERSVC_ADDRESS is a usage error that names it; a flag wins over it",
  async () => {
    const env = { USERSVC_ADDRESS: "50051" };
    assert.deepEqual(await usersvc(["call", "a"], { env }), {
      code: 2,
      stdout: "",
      stderr:
        `usersvc call: USERSVC_ADDRESS expects ${ADDRESS}, not "50051"; see usersvc call --help\n`,
    });
    const refused = await usersvc(["call", "a", "--address", "localhost:1"], { env });
    assert.equal(refused.code, 78, refused.stderr);
  },
);

programTest("each spelling of a flag and its value means the same", async () => {
  const call = (await loadCommands(program)).find(({ name }) => name === "call")!;
  const read = async (...args: string[]) => {
    const request = await readCommandLine(call, args, () => undefined);
    assert.ok(!request.help);
    const { header, verbose, file, json } = request.flags;
    return { header, verbose, file, json, operands: request.operands };
  };
  const nothing = { header: [], verbose: false, file: undefined, json: false, operands: [] };
  const header = (value: string) => ({ name: "a", value });
  for (const spelled of [["-H", "a: 1"], ["-Ha: 1"], ["-H=a: 1"], ["--header=a: 1"]]) {
    assert.deepEqual(await read(...spelled), { ...nothing, header: [header("1")] });
  }
  assert.deepEqual(await read("-Ha:b=c", "-H", "a: 007", "-"), {
    ...nothing,
    header: [header("b=c"), header("007")],
    operands: ["-"],
  });
  for (const spelled of [["-vH", "a: 1"], ["-v", "-H", "a: 1"]]) {
    assert.deepEqual(await read(...spelled), { ...nothing, verbose: true, header: [header("1")] });
  }
  for (const spelled of [["--file", "-"], ["--file=-"]]) {
    assert.deepEqual(await read(...spelled), { ...nothing, file: "-" });
  }
  assert.deepEqual(await read("--file=-x", "--json", "true", "", "--", "--json"), {
    ...nothing,
    file: "-x",
    json: true,
    operands: ["true", "", "--json"],
  });
});

programTest("help goes to stdout and the ways to ask for it agree", async () => {
  const same = [[[], ["--help"], ["-h"], ["help"], ["help", "help"]], [
    ["serve", "--help"],
    ["serve", "-h"],
    ["help", "serve"],
    ["serve", "--help", "--port", "nonsense"],
  ]];
  for (const group of same) {
    const results = await Promise.all(group.map((args) => usersvc(args)));
    for (const result of results) {
      assert.deepEqual(result, { ...results[0], code: 0, stderr: "" });
    }
  }
});

programTest("help fits 80 columns and shows every default", async () => {
  for (
    const args of ["serve", "call", "check", "proto", "completions"]
      .map((name) => ["help", name]).concat([["help"]])
  ) {
    const { stdout } = await usersvc(args);
    const long = stdout.split("\n").filter((line) => line.length > 80);
    assert.deepEqual(long, [], args.join(" "));
    assert.match(stdout, /\nExamples:\n {2}usersvc /);
  }
  assert.match(
    (await usersvc(["help", "serve"])).stdout,
    /--port PORT .*\n.*\(default: 50051, with --unix: no port\)\n/,
  );
  assert.match(
    (await usersvc(["help", "call"])).stdout,
    /\(default: localhost:50051; environment: USERSVC_ADDRESS\)\n/,
  );
});

programTest("help, docs and completions have the flags in groups", async () => {
  const groups = ["Listen", "TLS", "HTTP", "Processes", "Faults", "Log and metrics", "Other flags"];
  const { stdout } = await usersvc(["help", "serve"]);
  const headings = [...stdout.matchAll(/^(\w.*):\n(?= {2}-)/gm)].map(([, heading]) => heading);
  assert.deepEqual(headings, groups);
  const names = (text: string) =>
    [...text.matchAll(/(?:^| )--([a-z\d-]+)/g)].map(([, name]) => name);
  const shown = names(
    stdout.replace(/^(?! {2}-).*\n/gm, "").replace(/^( {2}(?:-h, )?--\S+).*/gm, "$1"),
  );
  const script = (await usersvc(["completions", "bash"])).stdout;
  const [, completed = ""] = /^ +serve\)\n +words=\((--host .*)\)$/m.exec(script) ?? [];
  assert.deepEqual(names(completed), shown);
  const page = await Deno.readTextFile(new URL("../../docs/commands.md", import.meta.url));
  const table = page.slice(page.indexOf("flags of serve"), page.indexOf("<!-- end -->"));
  assert.deepEqual(
    [...table.matchAll(/^\| \*\*(.*?)\*\* /gm)].map(([, name]) => name),
    groups.slice(0, -1),
  );
});

programTest("--version names the version of deno.json and the Deno", async () => {
  for (const flag of ["--version", "-V"]) {
    const { code, stdout, stderr } = await usersvc([flag]);
    assert.equal(stdout, `usersvc ${config.version} (deno ${Deno.version.deno})\n`);
    assert.deepEqual([code, stderr], [0, ""]);
  }
});
