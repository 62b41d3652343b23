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
const ORIGIN = "an origin such as https://example.com or http://localhost:3000";
const NEWLINE = "a\nb\x1b[2J";

/** Arguments, and what is wrong with them. */
type Mistake = readonly [args: readonly string[], what: string];

/** Wrong command lines, by their command. */
const mistakes: Readonly<Record<string, readonly Mistake[]>> = {
  "": [
    [["srve"], 'unknown command "srve" (did you mean serve?)'],
    [["quite-another"], 'unknown command "quite-another"'],
    [[""], 'unknown command ""'],
    [["toString"], 'unknown command "toString"'],
    [[NEWLINE], 'unknown command "a\\nb\\x1b[2J"'],
    [["x".repeat(1000)], `unknown command "${"x".repeat(60)}..."`],
    [["--port", "1"], "unknown flag --port; the flags of a command follow its name"],
    [["--version", "x"], 'unexpected argument "x"'],
    [["help", "srve"], 'unknown command "srve" (did you mean serve?)'],
    [["help", "serve", "x"], 'unexpected argument "x"'],
    [["--help=no"], '--help expects no value, =true or =false, not "no"'],
    [["-V="], '-V expects no value, =true or =false, not ""'],
  ],
  serve: [
    [["--prt", "1"], "unknown flag --prt (did you mean --port?)"],
    [["--timeout", "1s"], "unknown flag --timeout"],
    [["--toString=1"], "unknown flag --toString"],
    [["--no-port"], "unknown flag --no-port (did you mean --port?)"],
    [["--no-port=1"], "unknown flag --no-port (did you mean --port?)"],
    [["-x"], "unknown flag -x"],
    [["--port"], `--port needs a value: ${FREE_PORT}`],
    [["--port="], `--port needs a value: ${FREE_PORT}`],
    [["--port", ""], `--port needs a value: ${FREE_PORT}`],
    [["--port", "-1"], `--port expects ${FREE_PORT}, not "-1"`],
    [["--port", "-"], `--port expects ${FREE_PORT}, not "-"`],
    [["--port", "--grace", "1s"], `--port needs a value: ${FREE_PORT}`],
    [["--port", "--", "1"], `--port needs a value: ${FREE_PORT}`],
    [["--port", "--no-reflection"], `--port needs a value: ${FREE_PORT}`],
    [["--port=-1"], `--port expects ${FREE_PORT}, not "-1"`],
    [["--port", "65536"], `--port expects ${FREE_PORT}, not "65536"`],
    [["--host", "a b"], '--host expects a host name or an IP address, not "a b"'],
    [["--reflection"], "unknown flag --reflection (did you mean --no-reflection?)"],
    [["--reflection=false"], "unknown flag --reflection (did you mean --no-reflection?)"],
    [["--no-reflection", "true"], 'unexpected argument "true" (COMMAND follows --)'],
    [["x"], 'unexpected argument "x" (COMMAND follows --)'],
    [["x", "--", "y"], 'unexpected argument "x" (COMMAND follows --)'],
    [
      ["--max-concurrent-streams", "0"],
      '--max-concurrent-streams expects a number from 1 to 100, not "0"',
    ],
    [
      ["--max-concurrent-streams", "101"],
      '--max-concurrent-streams expects a number from 1 to 100, not "101"',
    ],
    [["--health", "serving"], '--health expects SERVING or NOT_SERVING, not "serving"'],
    [["--"], "missing COMMAND: A command with its arguments, to run while the server serves"],
    [
      ["--until-stdin-closes", "--", "x"],
      "--until-stdin-closes cannot be combined with -- COMMAND, whose stdin it is",
    ],
    [["--tls-cert", "x"], "--tls-cert needs --tls-key"],
    [["--tls-key", "x"], "--tls-key needs --tls-cert"],
    [["--tls-client-ca", "x"], "--tls-client-ca needs --tls-cert, --tls-key"],
    [["--unix", "x", "--host", "::"], "--host needs --port where --unix is given"],
    [["--worker-memory", "1GB"], "--worker-memory needs --workers"],
    [["--log", "xml"], '--log expects text, json or none, not "xml"'],
    [["--cors", "example.com"], `--cors expects ${ORIGIN}, not "example.com"`],
    [["--cors", "http://a.com/b"], `--cors expects ${ORIGIN}, not "http://a.com/b"`],
    [["--cors", "*"], `--cors expects ${ORIGIN}, not "*"`],
    [["--cors", ""], `--cors needs a value: ${ORIGIN}`],
    [["--no-http", "--cors", "http://localhost"], "--cors cannot be combined with --no-http"],
  ],
  call: [
    [[], "missing NAME: a username, - for names from stdin, or --file"],
    [["a", "-"], "- (names from stdin) cannot be combined with another NAME"],
    [["a", "--file", "b"], "--file cannot be combined with NAME"],
    [["-", "--concurrency", "0"], '--concurrency expects a number from 1 to 1000, not "0"'],
    [["-_"], "unknown flag -_ (to pass it as NAME, put -- before it)"],
    [["-x"], "unknown flag -x (to pass it as NAME, put -- before it)"],
    [["a", "--port", "0"], `--port expects ${PORT}, not "0"`],
    [["a", "--timeout", "10"], `--timeout expects ${DURATION}, not "10"`],
    [["a", "--timeout=-1s"], `--timeout expects ${DURATION}, not "-1s"`],
    [["a", "--timeout", "-1s"], `--timeout expects ${DURATION}, not "-1s"`],
    [
      ["--file", "-x"],
      "--file needs a value: the path of a file; " +
      "one that begins with a dash is written --file=-x",
    ],
    [
      ["a", "--fail-fast", "--max-failed", "1"],
      "--max-failed, which lets calls fail, cannot be combined with --fail-fast",
    ],
    [["a", "--rate", "10001"], '--rate expects a number from 0.001 to 10000, not "10001"'],
    [["a", "--repeat", "0"], '--repeat expects a number from 1 to 100000000, not "0"'],
    [
      ["a", "--repeat", "2", "--duration", "1s"],
      "--repeat cannot be combined with --duration, which repeats the names",
    ],
    [["a", "--summary", "x"], '--summary expects text or json, not "x"'],
    [
      ["a", "--max-failed", "101"],
      '--max-failed expects a percentage from 0 to 100, such as 1% or 0.5%, not "101"',
    ],
    [
      ["a", "--keepalive", "999ms"],
      "--keepalive expects a duration from 1s to 24h with its unit, such as 2s, 1m " +
      'or 1h, not "999ms"',
    ],
    [["a", "-H"], `--header needs a value: ${HEADER}`],
    [["a", "-H", "-v"], `--header needs a value: ${HEADER}`],
    [["a", "-vH", ""], `--header needs a value: ${HEADER}`],
    [["a", "-H", "-5"], `--header: there is no colon after "-5": write ${HEADER}`],
    [["a", "-Htoken secret"], `--header: there is no colon after "token": write ${HEADER}`],
    [["a", "-H:x"], `--header: there is no name before the first colon: write ${HEADER}`],
    [
      ["a", "-Ha\nb:x"],
      '--header: the name "a\\nb" has other characters than ASCII letters, digits, "_", ' +
      '"-" and "."',
    ],
    [
      ["a", "-H", "authorization: a", "-H", "Authorization: b"],
      '--header "authorization: ..." can be given once: servers take one value of it',
    ],
    [["a", "-HTE: x"], '--header: gRPC or HTTP/2 sets "te" itself, choose another name'],
    [
      ["a", "-Hx: é"],
      '--header: the value of "x" is not printable ASCII; send other text as base64, ' +
      "under a name that ends in -bin",
    ],
    [
      ["a", "-Hx-bin: ?"],
      '--header: the value of "x-bin" is not base64, which a name that ends in -bin needs',
    ],
    [["a", "--tim", "1s"], "unknown flag --tim (did you mean --timeout?)"],
    [["a", "--conc=5"], "unknown flag --conc (did you mean --concurrency?)"],
    [["a", "--rep", "5"], "unknown flag --rep (did you mean --repeat?)"],
    [["a", "--max", "5"], "unknown flag --max (did you mean --max-p99 or --max-failed?)"],
    [
      ["a", "--address", "http://a:1"],
      '--address: "http://a:1" is a URL: write HOST:PORT alone, and --tls in place of ' +
      "https://",
    ],
    [["a", "-v4"], '-v expects no value, a number from 0 to 3, =true or =false, not "4"'],
    [["a", "-vH=x"], '-v expects no value, a number from 0 to 3, =true or =false, not "H=x"'],
    [["a", "-vvvv"], "--verbose can be given 3 times at most"],
    [["a", "-vx"], "unknown flag -vx (to pass it as NAME, put -- before it)"],
    [["a", "--address", ":1"], `--address expects ${ADDRESS}, not ":1"`],
    [["a", `--address=${NEWLINE}`], `--address expects ${ADDRESS}, not "a\\nb\\x1b[2J"`],
    [["a", "--tls-ca", "x"], "--tls-ca (or USERSVC_TLS_CA) needs --tls"],
    [["a", "--tls-insecure"], "--tls-insecure (or USERSVC_TLS_INSECURE) needs --tls"],
    [["a", "--tls-server-name", "x"], "--tls-server-name (or USERSVC_TLS_SERVER_NAME) needs --tls"],
    [["a", "--tls", "--tls-cert", "x"], "--tls-cert needs --tls-key"],
    [["a", "--tls", "--tls-key", "x"], "--tls-key needs --tls-cert"],
    [
      ["a", "--tls", "--tls-insecure", "--tls-ca", "x"],
      "--tls-insecure cannot be combined with --tls-ca, which is there to verify",
    ],
    [
      ["a", "--tls", "--address", "ipv4:127.0.0.1,127.0.0.2"],
      "--tls needs --tls-server-name where there are several addresses",
    ],
    [
      ["a", "--tls", "--tls-server-name", "a b"],
      '--tls-server-name expects a host name or an IP address, not "a b"',
    ],
    [["a", "--port", "1", "--address", "unix:/s"], "--port cannot be combined with unix:/s"],
    [
      ["a", "--port", "1", "--address", "ipv4:127.0.0.1:1,127.0.0.1:2"],
      "--port cannot be combined with ipv4:127.0.0.1:1,127.0.0.1:2",
    ],
  ],
  proto: [[["x"], 'unexpected argument "x"'], [["--port", "1"], "unknown flag --port"]],
  completions: [[["csh"], 'SHELL expects bash, zsh or fish, not "csh"']],
};

for (const [command, rows] of Object.entries(mistakes)) {
  const words = command === "" ? [] : [command];
  const name = ["usersvc", ...words].join(" ");
  for (const [args, what] of rows) {
    programTest(`${name} ${JSON.stringify(args).slice(0, 80)} is a usage error`, async () => {
      const stderr = `${name}: ${what}; see ${name} --help\n`;
      assert.deepEqual(await usersvc([...words, ...args]), { code: 2, stdout: "", stderr });
    });
  }
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
  const nothing = { header: [], verbose: 0, file: undefined, json: false, operands: [] };
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
    assert.deepEqual(await read(...spelled), { ...nothing, verbose: 1, header: [header("1")] });
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
    const args of ["serve", "call", "check", "gauntlet", "proto", "completions"]
      .map((name) => ["help", name]).concat([["help"]])
  ) {
    const { stdout } = await usersvc(args);
    const long = stdout.split("\n").filter((line) => line.length > 80);
    assert.deepEqual(long, [], args.join(" "));
    assert.match(stdout, /\nExamples:\n {2}usersvc /);
  }
  assert.match(
    (await usersvc(["help", "serve"])).stdout,
    /--port PORT .*\n.*\(default: 50051, with COMMAND: a free one, with --unix: none\)\n/,
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
